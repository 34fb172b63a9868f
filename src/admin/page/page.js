// The page's one script: asks the API every second and writes what it says into the tables. All text goes in as text, never as markup.
'use strict';
const $ = (id) => document.getElementById(id);
const EVENTS_SHOWN = 200;
let token = sessionStorage.getItem('weir-token') || '';
let after = 0, lastAnswer = 0, timer = 0, isAsking = false;

function element(tag, text, className) {
  const e = document.createElement(tag);
  if (text !== undefined && text !== null) e.textContent = text;
  if (className) e.className = className;
  return e;
}

async function ask(path, body) {
  const headers = {};
  if (token) headers.Authorization = 'Bearer ' + token;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const answer = await fetch(path, {
    headers, method: body === undefined ? 'GET' : 'POST', body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store',
  });
  if (answer.status === 401) { const e = new Error('token'); e.needsToken = true; throw e; }
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error || 'status ' + answer.status);
  return said;
}

const number = (n, digits) => n === null || n === undefined ? '–' : n.toLocaleString('en', {maximumFractionDigits: digits || 0});
const percent = (n) => n === null || n === undefined ? '–' : n.toFixed(0) + ' %';
const rate = (n) => number(n, n < 10 ? 1 : 0);
function duration(s) {
  if (s === null || s === undefined) return '–';
  if (s < 0.001) return (s * 1e6).toFixed(0) + ' µs';
  if (s < 1) return (s * 1e3).toFixed(s < 0.1 ? 1 : 0) + ' ms';
  return s.toFixed(s < 10 ? 2 : 0) + ' s';
}
function bytes(n) {
  if (n === null || n === undefined) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) { n /= 1024; i++; }
  return n.toFixed(n < 10 && i ? 1 : 0) + ' ' + units[i];
}

function cell(label, text, className) {
  const td = element('td', text, className);
  if (label) td.dataset.label = label;
  return td;
}
function count(label, n) { return cell(label, number(n), n > 0 ? 'n badnumber' : 'n'); }

// A button whose click sends a change and then asks anew.
function action(text, title, path, body) {
  const b = element('button', text);
  b.type = 'button';
  b.title = title;
  b.setAttribute('aria-label', title);
  b.addEventListener('click', async () => {
    b.disabled = true;
    try { await ask(path, body); say(''); } catch (e) { say(e.message, true); }
    refresh();
  });
  return b;
}

function scaler(s) {
  const td = cell('', undefined, 'actions');
  if (!s.scale) { td.textContent = 'fixed'; return td; }
  const box = element('span', undefined, 'scaler');
  const path = '/api/v1/services/' + encodeURIComponent(s.name) + '/replicas';
  const less = action('−', 'One server less for ' + s.name, path, {count: s.scale.target - 1});
  const more = action('+', 'One server more for ' + s.name, path, {count: s.scale.target + 1});
  less.disabled = s.scale.target <= s.scale.servers_min;
  more.disabled = s.scale.target >= s.scale.servers_max;
  box.append(less, element('b', s.scale.target), more, element('span', 'of ' + s.scale.servers_min + '–' + s.scale.servers_max));
  if (s.scale.manual !== null && s.scale.manual !== undefined)
    box.append(action('auto', 'Let Weir decide for ' + s.name +
      (s.scale.manual_seconds_left ? ', as it will in ' + duration(s.scale.manual_seconds_left) : ''), path, {auto: true}));
  td.append(box);
  return td;
}

function serviceRow(s) {
  const tr = element('tr'), total = Object.values(s.servers).reduce((a, b) => a + b, 0) - s.servers.gone;
  tr.append(cell('', s.name, 'name'), cell('Servers', s.healthy + ' of ' + total, s.healthy ? 'n' : 'n badnumber'),
    cell('In flight', number(s.in_flight), 'n'), cell('Queued', number(s.queued) + (s.queued ? ' (' + duration(s.queue_age_seconds) + ')' : ''), 'n'),
    cell('Requests/s', rate(s.recent.requests_per_second), 'n'), cell('Median', duration(s.recent.p50_seconds), 'n'),
    cell('p99', duration(s.recent.p99_seconds), 'n'), cell('Requests', number(s.requests), 'n'), count('5xx', s.errors), scaler(s));
  return tr;
}

function stateClass(s) {
  if (s.state === 'failed' || s.refusing || (!s.healthy && (s.state === 'serving' || s.state === 'warming'))) return 'bad';
  return s.state === 'serving' && !s.slow ? 'good' : 'warn';
}
function stateText(s) {
  if (s.refusing) return s.state + ', refusing';
  if (!s.healthy && (s.state === 'serving' || s.state === 'warming')) return s.state + ', unhealthy';
  return s.slow && s.state === 'serving' ? s.state + ', slow' : s.state;
}
function serverRow(s) {
  const tr = element('tr'), actions = cell('', undefined, 'actions'), path = '/api/v1/servers/' + encodeURIComponent(s.name);
  const usage = s.usage || {};
  if (s.state === 'draining') actions.append(action('Ready', 'Take back ' + s.name, path + '/ready', {}));
  else if (s.state === 'serving' || s.state === 'warming') actions.append(action('Drain', 'Drain ' + s.name, path + '/drain', {}));
  const state = cell('', undefined);
  state.append(element('span', stateText(s), 'state ' + stateClass(s)));
  tr.append(cell('', s.name, 'name'), state, cell('', s.address, 'address'),
    cell('In flight', number(s.in_flight) + (s.max_requests ? ' / ' + number(s.max_requests) : ''), 'n'),
    cell('Requests/s', rate(s.recent.requests_per_second), 'n'), cell('Median', duration(s.recent.p50_seconds), 'n'),
    cell('p99', duration(s.recent.p99_seconds), 'n'), cell('CPU', percent(usage.cpu_percent), 'n'),
    cell('Memory', bytes(usage.memory_bytes), 'n'), cell('Requests', number(s.requests), 'n'), count('Errors', s.errors), actions);
  return tr;
}

function fill(table, rows, columns, nothing) {
  const body = $(table).tBodies[0], focused = document.activeElement && body.contains(document.activeElement) &&
    document.activeElement.getAttribute('aria-label');
  if (!rows.length) { rows = [element('tr')]; rows[0].append(element('td', nothing, 'empty')); rows[0].firstChild.colSpan = columns; }
  body.replaceChildren(...rows);
  if (focused) for (const b of body.querySelectorAll('button')) if (b.getAttribute('aria-label') === focused) b.focus();
}

function meter(name, percent, detail) {
  const box = element('div', undefined, percent > 90 ? 'meter hot' : 'meter'), line = element('p'), bar = element('progress');
  line.append(element('span', name), element('span', percent === null || percent === undefined ? 'unknown' : percent.toFixed(1) + ' %'));
  bar.max = 100;
  bar.value = percent || 0;
  bar.setAttribute('aria-label', name);
  box.append(line, bar);
  if (detail) box.append(element('small', detail));
  return box;
}

function showHost(h) {
  const boxes = [];
  if (h.cpu) boxes.push(meter('CPU', h.cpu.percent, h.cpu.count ? h.cpu.count + ' CPUs' : ''));
  if (h.memory) boxes.push(meter('Memory', h.memory.percent, bytes(h.memory.available_bytes) + ' free of ' + bytes(h.memory.total_bytes)));
  for (const d of h.disks || []) boxes.push(meter('Disk ' + d.path, d.percent, bytes(d.free_bytes) + ' free of ' + bytes(d.total_bytes)));
  $('host').replaceChildren(...boxes);
  $('host-section').hidden = boxes.length === 0;
}

function showAlerts(alerts) {
  $('alerts').replaceChildren(...alerts.map((a) => {
    const li = element('li', undefined, a.silence ? 'silenced' : a.state);
    li.id = 'alert-' + a.fingerprint;
    li.append(element('b', a.summary || a.name), ' ' + a.state + '. ' + (a.evidence || ''));
    if (a.silence) li.append(element('small', 'Silenced until ' + (a.silence.until ? new Date(a.silence.until).toLocaleString() : 'it is changed') +
      ' by ' + a.silence.createdBy + (a.silence.comment ? ': ' + a.silence.comment : '') + '.'));
    else if (a.is_active) li.append(element('code', a.silence_command));
    return li;
  }));
  $('alerts-section').hidden = alerts.length === 0;
  goToAlert();
}

// A link to an alert (#alert-FINGERPRINT) comes before the alert is on the page: it is shown once, when it is there.
let wanted = location.hash;
addEventListener('hashchange', () => { wanted = location.hash; goToAlert(); });
function goToAlert() {
  const li = wanted.startsWith('#alert-') && document.getElementById(wanted.slice(1));
  if (!li) return;
  wanted = '';
  li.classList.add('wanted');
  li.scrollIntoView();
}

function addEvents(said) {
  if (said.next_after < after) $('events').replaceChildren();
  after = said.next_after;
  for (const e of said.events) {
    const li = element('li'), time = element('time', new Date(e.time).toLocaleTimeString());
    time.dateTime = e.time;
    li.append(time, element('b', [e.server || e.service, e.kind.replaceAll('_', ' ')].filter(Boolean).join(' ')),
      element('span', ' ' + e.text, e.level));
    $('events').prepend(li);
  }
  while ($('events').childElementCount > EVENTS_SHOWN) $('events').lastChild.remove();
  $('events-section').hidden = $('events').childElementCount === 0;
}

function say(text, isProblem) {
  $('status').textContent = text;
  $('status').className = isProblem ? 'lost' : '';
}

async function refresh() {
  if (isAsking) return;
  isAsking = true;
  clearTimeout(timer);
  try {
    const [services, servers, host, alerts, events] = await Promise.all([ask('/api/v1/services'), ask('/api/v1/servers'),
      ask('/api/v1/host'), ask('/api/v1/alerts'), ask('/api/v1/events?after=' + after)]);
    $('login').hidden = true;
    fill('services', services.services.map(serviceRow), 10, 'No services.');
    fill('servers', servers.servers.map(serverRow), 12, 'No servers now.');
    showHost(host);
    showAlerts(alerts.alerts);
    addEvents(events);
    if (Date.now() - lastAnswer > 3000) say('live');
    lastAnswer = Date.now();
  } catch (e) {
    if (e.needsToken) askForToken();
    else say('No answer from Weir' + (lastAnswer ? ' for ' + Math.round((Date.now() - lastAnswer) / 1000) + ' s' : '') + ': ' + e.message, true);
  }
  isAsking = false;
  if (!document.hidden && $('login').hidden) timer = setTimeout(refresh, 1000);
}

function askForToken() {
  if (token) $('login-problem').textContent = 'That token was refused.';
  token = '';
  sessionStorage.removeItem('weir-token');
  $('login').hidden = false;
  say('');
  $('token').focus();
}

$('login').addEventListener('submit', (e) => {
  e.preventDefault();
  token = $('token').value.trim();
  sessionStorage.setItem('weir-token', token);
  $('token').value = '';
  $('login').hidden = true;
  refresh();
});
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
refresh();
