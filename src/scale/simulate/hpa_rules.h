/*
 * hpa_rules.h: what Kubernetes' HorizontalPodAutoscaler does with a recommendation: tolerance, stabilisation,
 * limits of change. Shared by hpa and keda, which makes an HPA. Pure.
 */
#pragma once
#include "scale/simulate/policy_ops.h"

enum { HPA_PERIOD_S = 15, HPA_WINDOW_SLOTS = 64 }; /* of 15 s: windows up to 15 min */

struct hpa_state {
    uint32_t count; /* recommendations so far */
    uint32_t recommended[HPA_WINDOW_SLOTS];
};

/* AverageValue: a total shared by the servers, each of which is to carry `per_server`. */
uint32_t hpa_average_value(double total, double per_server, uint32_t current);
/* A recommendation, stabilised over down_s (down alone) and limited to +4 or +100 %. */
uint32_t hpa_stabilise(struct hpa_state *h, uint32_t recommended, uint32_t current, uint32_t down_s);
