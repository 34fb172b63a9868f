/*
 * price.h: what it is worth to have a server when it is needed: one number, the same for every service.
 *
 * A server that is missing for a second costs as much as SCALE_PRICE_OF_MISSING servers that are there for a
 * second in vain. From it follows all that weighs late requests against server time:
 * - the forecast covers the quantile price / (price + 1) of what may come (newsvendor; forecast.c, which
 * tells where the price is higher);
 * - a server that is given up and needed again is missing for the part of its start time that the forecast
 * did not see coming, so it is worth keeping for up to price x that part (break-even; hold.c);
 * - the last one is missing for the whole of it, and the start is paid for nobody else (idle.c).
 * 9: of ten peaks one is left to the queue and to the places kept free.
 */
#pragma once

enum { SCALE_PRICE_OF_MISSING = 9 };
