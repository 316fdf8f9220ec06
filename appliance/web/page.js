'use strict';
// What the node says is put into the page as text only, never as markup: names of
// clients and keys are whatever strangers choose.
const $ = id => document.getElementById(id);
const SVG = 'http://www.w3.org/2000/svg';

function el(name, attrs, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attrs || {})) e.setAttribute(k, v);
  e.append(...children.filter(c => c !== null && c !== undefined && c !== ''));
  return e;
}
function svg(name, attrs, text) {
  const e = document.createElementNS(SVG, name);
  for (const [k, v] of Object.entries(attrs || {})) e.setAttribute(k, v);
  if (text) e.textContent = text;
  return e;
}
const mono = text => el('span', { class: 'mono' }, text);
// put replaces what is in a place only if it says something else, so that whoever has
// the focus in it, or listens to it, is not disturbed.
function put(place, ...children) {
  const holder = document.createElement('div');
  holder.append(...children);
  if (place.dataset.was === holder.innerHTML) return;
  place.dataset.was = holder.innerHTML;
  place.replaceChildren(...holder.childNodes);
}

// Figures, with their units.
const count = n => Math.round(n).toLocaleString('en');
function rate(n) { return n >= 1e6 ? (n / 1e6).toFixed(2) + ' M' : n >= 1e4 ? (n / 1e3).toFixed(1) + ' k' : n >= 10 || n === 0 ? count(n) : n.toFixed(1); }
function size(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) { n /= 1024; i++; }
  return (i && n < 100 ? n.toFixed(1) : Math.round(n)) + ' ' + units[i];
}
function micros(us) {
  if (us >= 1e6) return (us / 1e6).toFixed(2) + ' s';
  if (us >= 1e3) return (us / 1e3).toFixed(us < 1e4 ? 2 : 1) + ' ms';
  return (us < 10 ? us.toFixed(1) : Math.round(us)) + ' µs';
}
function span(s) {
  s = Math.max(0, Math.round(s));
  if (s < 60) return s + ' s';
  if (s < 3600) return Math.floor(s / 60) + ' min ' + (s % 60) + ' s';
  if (s < 86400) return Math.floor(s / 3600) + ' h ' + Math.floor(s % 3600 / 60) + ' min';
  return Math.floor(s / 86400) + ' d ' + Math.floor(s % 86400 / 3600) + ' h';
}
const since = (then, now) => span((Date.parse(now) - Date.parse(then)) / 1000);
const clock = t => new Date(t).toLocaleTimeString('en-GB');
function moment(t) {
  const d = new Date(t), today = new Date().toDateString() === d.toDateString();
  return (today ? '' : d.toLocaleDateString('en-CA') + ' ') + clock(t);
}
const plural = (n, one, many) => count(n) + ' ' + (n === 1 ? one : many);

function facts(place, rows) {
  put(place, ...rows.filter(r => r).map(([k, ...v]) => el('div', {}, el('dt', {}, k), el('dd', {}, ...v))));
}
function tiles(place, rows) {
  put(place, ...rows.filter(r => r).map(([k, v, more]) => el('div', {}, el('dt', {}, k), el('dd', {}, v, more ? el('small', {}, more) : ''))));
}
// table makes a table; cols are [head, class]. Without rows it says none.
function table(place, caption, cols, rows, none) {
  if (!rows.length) return put(place, el('p', { class: 'quiet' }, none));
  const head = el('tr', {}, ...cols.map(([h, c]) => el('th', { scope: 'col', class: c || '' }, h)));
  const body = rows.map(r => el('tr', {}, ...r.map((v, i) => i ? el('td', { class: cols[i][1] || '' }, v) : el('th', { scope: 'row', class: cols[i][1] || '' }, v))));
  put(place, el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption + ', as a table' },
    el('table', {}, el('caption', { class: 'hidden' }, caption), el('thead', {}, head), el('tbody', {}, ...body))));
}

const shapes = {
  ok: 'M4 13l5 5L20 7', warn: 'M12 3L2 21h20L12 3zM12 10v5M12 18v.1', bad: 'M8 2h8l6 6v8l-6 6H8l-6-6V8zM8 8l8 8M16 8l-8 8', unknown: 'M12 3a9 9 0 100 18 9 9 0 000-18zM12 7v5l3 2'
};
function verdict(p) {
  const h = p.status.health;
  if (h.state === 'suspended') return ['bad', 'Suspended', 'The journal takes no writes; reads are served.'];
  if (h.state === 'in-doubt') return ['bad', 'In doubt', 'The disk has not answered; writes wait, reads are served.'];
  if (h.state === 'loading' && h.loading) {
    const l = h.loading, left = l.seconds_left === undefined ? '' : ', about ' + span(l.seconds_left) + ' left';
    return ['warn', 'Loading', `${l.step}: about ${Math.round(l.percent)} %, ${plural(l.rows, 'key', 'keys')}${left}.`];
  }
  if (p.not_ready) return ['bad', 'Not ready', p.not_ready];
  if (h.state !== 'ok') return ['bad', h.state, p.writes_refused || ''];
  if (p.memory.refusing) return ['warn', 'Short of memory', 'Commands that need memory are refused.'];
  if (p.status.link && p.status.link.state !== 'streaming') return ['warn', 'Not in step', 'The replica is ' + p.status.link.state + '.'];
  if (p.writes_refused && !p.status.link) return ['warn', 'Writes refused', p.writes_refused];
  if (h.reserve_missing) return ['warn', 'No reserve', 'No room is held back on the disk.'];
  if (p.status.snapshots.last_error) return ['warn', 'Snapshot failed', p.status.snapshots.last_error];
  return ['ok', 'OK', p.status.link ? 'A replica, in step with its leader.' : 'The journal takes writes.'];
}
function showState(kind, word, means) {
  $('health').dataset.state = kind;
  $('shape').firstElementChild.setAttribute('d', shapes[kind]);
  for (const [id, text] of [['state', word], ['means', means]]) if ($(id).textContent !== text) $(id).textContent = text;
}
function showHealth(p) {
  const h = p.status.health, [kind, word, means] = verdict(p);
  showState(kind, word, means);
  document.title = (kind === 'ok' ? '' : word + ' · ') + p.status.node + ' · ledge';
  const stopped = h.state === 'suspended' || h.state === 'in-doubt';
  $('trouble').hidden = !stopped;
  if (stopped) facts($('trouble'), [
    ['Cause', h.cause || 'not known'],
    h.since && ['Since', moment(h.since) + ', for ' + since(h.since, p.at)],
    h.class && ['Class', h.class === 'operator' ? 'operator: somebody has to do something about it' : h.class],
    ['Attempts', plural(h.attempts || 0, 'attempt', 'attempts') + ' to resume' + (h.last_error ? '; the last: ' + h.last_error : '')],
    ['Next attempt', h.next_attempt ? moment(h.next_attempt) : 'when somebody asks for it'],
    h.deletes_taken && ['Deletes', 'taken, since they free room'],
  ]);
  $('resume').hidden = h.state !== 'suspended';
}

let last = null; // the facts before these, for rates
function showNow(p) {
  const c = p.counts, was = last && last.counts, s = last ? (Date.parse(p.at) - Date.parse(last.at)) / 1000 : 0;
  const per = k => was && s > 0 && c[k] >= was[k] ? (c[k] - was[k]) / s : null;
  const shown = v => v === null ? '–' : rate(v) + '/s';
  const reads = was ? c.hits - was.hits + c.misses - was.misses : 0, sample = samples.at(-1);
  tiles($('now'), [
    ['Commands', shown(per('commands')), shown(per('errors')) + ' errors'],
    sample && sample.command_p99 ? ['Command p99', micros(sample.command_p99), 'of the last 10 s'] : ['Command p99', '–', 'none in the last 10 s'],
    sample && sample.append_p99 ? ['Append p99', micros(sample.append_p99), 'sync ' + p.status.journal.sync] : ['Append p99', '–', 'none in the last 10 s'],
    ['Journal', size(p.status.journal.bytes), per('appended') === null ? '' : '+' + size(per('appended')) + '/s'],
    ['Memory', size(p.memory.taken), p.memory.most ? 'of ' + size(p.memory.most) : size(p.memory.resident) + ' resident'],
    ['Clients', count(c.clients), 'of ' + count(c.most_clients) + ', ' + count(c.blocked) + ' blocked'],
    ['Keys', count(p.status.data.keys), count(c.expiring) + ' with a deadline'],
    ['Hits', reads > 0 ? Math.round(100 * (c.hits - was.hits) / reads) + ' %' : '–', 'of reads just now'],
    ['Traffic', shown2(per('in')), 'in; ' + shown2(per('out')) + ' out'],
    ['Processor', per('cpu_seconds') === null ? '–' : Math.round(100 * per('cpu_seconds')) + ' %', 'of one'],
  ]);
  last = p;
}
const shown2 = v => v === null ? '–' : size(v) + '/s';

function showJournal(p) {
  const j = p.status.journal, s = p.status.snapshots, d = p.status.data;
  facts($('journal'), [
    ['Numbers', count(j.first_number) + ' to ' + count(j.last_number)],
    ['On the disk', size(j.bytes) + (j.reserve ? ', ' + size(j.reserve) + ' held back' : ', no room held back')],
    ['Sync', j.sync === 'interval' ? 'every ' + j.sync_interval_seconds + ' s' : j.sync],
    ['Epoch', count(j.epoch)],
    ['Appends', count(j.appends) + (j.failed_appends ? ', ' + count(j.failed_appends) + ' failed' : ', none failed')],
    j.lost && ['Lost', j.lost],
    ['Digest', mono(j.digest)],
    ['Snapshot', (s.number ? 'at ' + count(s.number) + ', ' + since(s.last, p.at) + ' ago' : 'none yet') + (s.running ? '; one is being taken' : '') + (s.last_error ? '; the last failed: ' + s.last_error : '')],
    ['Memory', size(p.memory.taken) + ' taken, ' + size(d.live) + ' in use'],
    ['Directory', mono(p.status.dir)],
    ['Redis', mono(p.status.redis)],
    p.status.nats && ['NATS', mono(p.status.nats)],
  ]);
}

function showReplication(p) {
  const l = p.status.link, list = p.status.replicas || [];
  $('replication').hidden = !l && !list.length;
  $('link').hidden = !l;
  if (l) {
    const dl = el('dl', { class: 'facts' });
    facts(dl, [
      ['Leader', mono(l.leader)],
      ['Link', l.state + (l.step ? ', ' + l.step : '') + ', for ' + since(l.since, p.at)],
      ['Behind by', l.heard ? plural(l.lag_numbers, 'number', 'numbers') : 'not known: the leader was not heard of yet'],
      l.heard && ['Heard of it', since(l.heard, p.at) + ' ago'],
      l.level && ['Had all', since(l.level, p.at) + ' ago'],
      l.last_error && ['Last error', l.last_error],
      l.next_attempt && ['Next attempt', moment(l.next_attempt)],
    ]);
    put($('link'), dl);
  }
  $('replicas').hidden = !list.length;
  if (list.length) table($('replicas'), 'Replicas', [['Replica'], ['State'], ['Behind by', 'num'], ['Applied', 'num'], ['On its disk', 'num'], ['Heard of', 'num'], ['Redis']],
    list.map(r => [r.node, r.state, plural(Math.max(0, p.status.journal.last_number - r.applied_number), 'number', 'numbers'), count(r.applied_number), count(r.synced_number), since(r.heard, p.at) + ' ago', mono(r.redis)]), '');
}

function showCluster(p) {
  const c = p.cluster;
  $('cluster').hidden = !c;
  if (!c) return;
  const own = c.shards.find(s => s.nodes.some(n => n.self));
  facts($('membership'), [
    ['Cluster', c.cluster ? mono(c.cluster) : 'not founded, or not heard of yet'],
    ['Slots of this shard', own && own.slots || 'none'],
    ['Slots with an owner', count(c.assigned) + ' of 16,384'],
  ]);
  table($('shards'), 'Shards', [['Shard'], ['Slots', 'num'], ['Leader'], ['State']], c.shards.map(s => {
    const l = s.nodes.find(n => n.role === 'leader'), f = s.nodes.filter(n => n.failed).length, of = plural(s.nodes.length, 'node', 'nodes');
    return [mono(s.id.slice(0, 8)), count(s.count), l ? mono(l.redis) : 'none',
      !l ? 'no leader' : l.failed ? 'its leader has failed' : f ? f + ' of ' + of + ' failed' : 'ok, ' + of];
  }), '');
}

const kinds = {
  suspended: ['bad', 'Suspended'], 'in-doubt': ['bad', 'In doubt'], resumed: ['ok', 'Resumed'], 'resume-failed': ['bad', 'Attempt to resume failed'],
  reserve: ['', 'Reserve'], snapshot: ['ok', 'Snapshot taken'], 'client-limit': ['bad', 'Client turned away'], link: ['', 'Link'], role: ['', 'Role'], replica: ['', 'Replica'], started: ['ok', 'Started'], stopping: ['', 'Stopping']
};
function showEvents(list) {
  $('noevents').hidden = list.length > 0;
  $('events').hidden = !list.length;
  $('events').tabIndex = list.length > 0 ? 0 : -1;
  put($('events'), ...list.map(e => {
    let [kind, word] = kinds[e.kind] || ['', e.kind], more = e.cause || '';
    if (e.kind === 'snapshot' && e.cause) [kind, word] = ['bad', 'Snapshot failed'];
    if (e.kind === 'snapshot' && e.snapshot && !e.cause) more = 'at ' + count(e.snapshot.number) + ', ' + plural(e.snapshot.keys, 'key', 'keys') + ', ' + size(e.snapshot.bytes);
    if (e.kind === 'link' && e.link) { word = 'Link: ' + e.link.state; if (e.link.state === 'failed') kind = 'bad'; if (e.link.state === 'streaming') kind = 'ok'; }
    if (e.kind === 'role') [word, more] = e.role === 'leader' ? ['Leads', 'from number ' + count(e.number)] : ['Follows', e.leader];
    if (e.kind === 'replica' && e.replica) [kind, word] = e.cause ? ['bad', 'Replica lost: ' + e.replica.node] : ['ok', 'Replica came: ' + e.replica.node];
    if (e.kind === 'reserve') word = e.cause ? 'Reserve given up' : 'Reserve held again';
    return el('li', { class: kind }, el('span', {}, word), el('time', { datetime: e.at }, moment(e.at)), more ? el('p', {}, more) : '');
  }));
}

function showTables(p) {
  table($('commands'), 'Commands that took most time', [['Command'], ['Calls', 'num'], ['Failed', 'num'], ['Refused', 'num'], ['Mean', 'num'], ['p50', 'num'], ['p99', 'num'], ['Total', 'num']],
    p.commands.map(c => [mono(c.name.toUpperCase()), count(c.calls), count(c.failed), count(c.refused), ...[c.mean, c.p50, c.p99, c.total].map(us => us ? micros(us) : '–')]), 'None has run.');
  table($('slow'), 'Slow commands', [['When'], ['Took', 'num'], ['Command', 'wide'], ['Client']],
    p.slow.map(s => [moment(s.at), micros(s.took_ms * 1000), mono(s.args.join(' ')), (s.name ? s.name + ' ' : '') + s.client]), 'No command was slow.');
  if (p.hidden) return put($('clients'), el('p', { class: 'quiet' }, 'Redis clients need a password here, so names, addresses and arguments are shown only with http-password-file.'));
  table($('clients'), 'Clients', [['Address'], ['Name'], ['Library'], ['Database', 'num'], ['Connected', 'num'], ['Idle', 'num'], ['Last command']],
    p.clients.map(c => [mono(c.addr), c.name || '', c.lib || '', count(c.db), since(c.since, p.at), span(c.idle_seconds), mono((c.command || '').toUpperCase())]), 'None is connected.');
}

// Charts of the last hour. Each is a picture for those who see it and a sentence for
// those who don't.
let samples = [];
const W = 600, H = 70;
const charts = [
  ['Commands per second', rate, [['commands', 'commands'], ['errors', 'errors']]],
  ['Command latency', micros, [['command_p50', 'p50'], ['command_p99', 'p99']], 'no commands'],
  ['Append latency', micros, [['append_p50', 'p50'], ['append_p99', 'p99']], 'no appends'],
  ['Journal on the disk', size, [['journal', 'bytes']]],
  ['Memory', size, [['memory', 'taken']]],
  ['Traffic per second', size, [['in', 'in'], ['out', 'out']]],
  ['Clients', count, [['clients', 'connected']]],
  ['Replication lag, numbers', count, [['lag', 'behind']]],
];
function showCharts() {
  $('nocharts').hidden = samples.length > 0;
  $('charts').hidden = !samples.length;
  if (!samples.length) return;
  // The axis begins with the time of which the first sample is: a node that has not run
  // for an hour yet shows no time before it.
  const end = samples.at(-1).at, begin = Math.max(end - 3600, samples[0].at - 10);
  samples = samples.filter(s => s.at >= begin);
  $('hourtitle').textContent = end - begin > 3540 ? 'The last hour' : 'The last ' + span(end - begin);
  const list = charts.filter(c => c[0].startsWith('Replication') ? samples.some(s => s.lag) || (last && (last.status.link || (last.status.replicas || []).length)) : true);
  put($('charts'), ...list.map(([title, unit, lines, none]) => chart(title, unit, lines, none, begin, end)));
}
// chart draws one; none says of latencies why there was none to tell, and is left out of
// the others.
function chart(title, unit, lines, none, begin, end) {
  const known = (s, k) => !none || s[k] > 0;
  const now = k => known(samples.at(-1), k) ? unit(samples.at(-1)[k]) : '–';
  const most = Math.max(1e-9, ...samples.flatMap(s => lines.map(([k]) => s[k])));
  const x = at => (at - begin) / (end - begin) * W, y = v => H - v / most * H;
  const says = lines.map(([k, name]) => {
    const v = samples.filter(s => known(s, k)).map(s => s[k]);
    if (!v.length) return name + ' not known, ' + none;
    return name + ' ' + (known(samples.at(-1), k) ? unit(v.at(-1)) : 'not known of the last 10 s, ' + none) + ', between ' + unit(Math.min(...v)) + ' and ' + unit(Math.max(...v));
  }).join('; ');
  const g = svg('svg', { viewBox: `0 -4 ${W} ${H + 22}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `${title}: ${says}` });
  for (const v of [0, .5, 1]) g.append(svg('line', { class: 'grid', x1: 0, x2: W, y1: H * v, y2: H * v }));
  for (const s of samples) if (s.suspended) g.append(svg('rect', { class: 'stopped', x: x(s.at - 10), y: 0, width: Math.max(1, x(s.at) - x(s.at - 10)), height: H }));
  lines.forEach(([k], i) => {
    // A gap in time, as between two runs, is a gap in the line, and so is what is not known.
    const runs = [];
    let before = -2;
    samples.forEach((s, n) => {
      if (!known(s, k)) return;
      if (n !== before + 1 || s.at - samples[before].at > 35) runs.push([]);
      runs.at(-1).push(s);
      before = n;
    });
    for (const run of runs) {
      const at = run.map(s => x(s.at).toFixed(1) + ' ' + y(s[k]).toFixed(1));
      if (run.length === 1) at.push((x(run[0].at) + 2).toFixed(1) + ' ' + y(run[0][k]).toFixed(1));
      if (!i) g.append(svg('path', { class: 'area', d: `M${x(run[0].at).toFixed(1)} ${H}L${at.join('L')}L${x(run.at(-1).at).toFixed(1)} ${H}z` }));
      g.append(svg('path', { class: i ? 'two' : 'one', d: 'M' + at.join('L') }));
    }
  });
  const keys = el('span', {}, ...lines.flatMap(([k, name], i) => lines.length > 1 ?
    [el('span', { class: 'keys' }, el('i', { class: i ? 'second' : 'first' }), name + ' '), now(k)] : [now(k)]));
  const edge = at => clock(at * 1000).slice(0, end - begin < 600 ? 8 : 5); // minutes, or seconds where few
  const ends = el('figcaption', { class: 'quiet', 'aria-hidden': 'true' }, edge(begin), el('span', {}, most > 1e-6 ? 'top ' + unit(most) : none || 'top ' + unit(0)), edge(end));
  return el('figure', {}, el('figcaption', {}, el('b', {}, title), keys), g, ends);
}

// Asking the node. One question of a kind is under way at a time; a page that nobody
// looks at asks nothing.
async function ask(path) {
  const stop = new AbortController(), late = setTimeout(() => stop.abort(), 8000);
  try {
    const r = await fetch(path, { signal: stop.signal, cache: 'no-store', headers: { Accept: 'application/json' } });
    if (!r.ok) throw new Error((await r.text()).trim() || r.statusText);
    return await r.json();
  } finally { clearTimeout(late); }
}
function show(p) {
  $('node').textContent = p.status.node;
  $('identity').textContent = `ledge ${p.status.version} · ${p.status.role} · up ${span(p.status.uptime_seconds)}`;
  showHealth(p); showNow(p); showJournal(p); showReplication(p); showCluster(p); showEvents(p.events); showTables(p);
}
let failures = 0, timer = 0, asked = 0;
async function turn() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    if (Date.now() - asked > 9500) { const got = await ask('/history'); samples = got; asked = Date.now(); showCharts(); }
    const p = await ask('/facts');
    show(p);
    failures = 0;
    $('livetext').textContent = 'live, ' + clock(p.at);
  } catch (e) {
    failures++;
    $('livetext').textContent = (last ? 'as of ' + clock(last.at) + '; ' : '') + 'no answer';
    showState('unknown', 'No answer', e.name === 'AbortError' || e instanceof TypeError ? 'The node does not answer. It is asked again.' : e.message);
  }
  timer = setTimeout(turn, failures ? Math.min(15000, 1000 * 2 ** failures) : 2000);
}
document.addEventListener('visibilitychange', turn);

$('resume').addEventListener('submit', async e => {
  e.preventDefault();
  const say = (...what) => $('outcome').replaceChildren(...what);
  $('go').disabled = true;
  $('go').textContent = 'Resuming…';
  say();
  try {
    const r = await fetch('/resume', { method: 'POST', cache: 'no-store', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ password: $('password').value }) });
    const text = await r.text();
    let a;
    try { a = JSON.parse(text); } catch { a = { error: text.trim() }; }
    const tried = (r.ok ? a : a.resumed || {}).steps || [];
    const steps = tried.length ? el('ul', {}, ...tried.map(s => el('li', {}, `${s.name}: ${s.error || 'ok'}, ${micros(s.took_ms * 1000)}`))) : '';
    say(el('p', {}, r.ok ? 'Resumed: the journal takes writes.' : 'Not resumed: ' + a.error), ...(steps ? [steps] : []));
    if (r.ok || a.resumed) $('password').value = '';
    if (r.ok) { $('main').focus(); } else { $('password').focus(); }
  } catch {
    say(el('p', {}, 'Not resumed: the node does not answer.'));
  }
  $('go').disabled = false;
  $('go').textContent = 'Resume';
  turn();
});
showState('unknown', '…', '');
turn();
