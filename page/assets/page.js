// The page asks the server what to show, and draws it. Text from alerts only ever becomes text nodes; whatever is drawn
// anew is merged into what stands there, so that focus, scroll and opened parts stay.
'use strict';
(() => {
const $ = (s, at = document) => at.querySelector(s), $$ = (s, at = document) => [...at.querySelectorAll(s)];
const main = $('#main'), rail = $('#rail'), tip = $('#tip'), railbox = $('#railbox');
const channels = {slack: 'Slack', pagerduty: 'PagerDuty', email: 'Mail', splunk: 'HEC', webhook: 'Webhook'};
const severities = ['info', 'low', 'medium', 'high', 'critical'];
const narrow = matchMedia('(max-width: 1020px)'), columns = () => innerWidth < 1330 ? 1 : innerWidth < 1820 ? 2 : 3;

// What is known: the server's state, where the address points to, and what was chosen here.
const S = {
  state: JSON.parse($('#state').textContent), at: {}, rows: [], next: '', p: null, items: [], item: null,
  live: 'Connecting', up: false, q: '', diff: true, all: false, original: false, col: {}, colFor: '', dark: false,
  changed: new Set(), paused: false, held: 0, view: load('view', {}), error: null,
};

function load(k, or) { try { return JSON.parse(localStorage.getItem('ossec-notify ' + k)) ?? or; } catch { return or; } }
function keep(k, v) { try { localStorage.setItem('ossec-notify ' + k, JSON.stringify(v)); } catch { /* kept until the page closes */ } }

// --- Elements

const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}]/u;
// vis is text in which characters that nobody would see are boxes.
function vis(s, lines) {
  s = String(s ?? '');
  if (!hidden.test(s)) return [s];
  return s.split(/([\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}])/u).map(c =>
    !hidden.test(c) || (lines && (c === '\n' || c === '\t')) ? c
      : h('span.box', 'U+' + c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')));
}
// h makes an element: its tag and classes, attributes where the second argument is a plain object, and what it holds.
function h(what, ...kids) {
  const [tag, ...classes] = what.split('.'), e = document.createElement(tag);
  if (classes.length) e.className = classes.join(' ');
  if (kids[0]?.constructor === Object) {
    const props = kids.shift();
    for (const k in props) if (props[k] !== false && props[k] != null) e.setAttribute(k, props[k] === true ? '' : props[k]);
  }
  e.append(...kids.flat(9).filter(k => k || k === 0));
  return e;
}
const paths = {
  slack: 'M9 4 7 20M17 4l-2 16M4 9h16M4 15h16', pagerduty: 'M6 17h12l-1.500-2.500V10a4.500 4.500 0 0 0-9 0v4.500zM10.500 20h3',
  email: 'M4 6h16v12H4zl8 7 8-7', splunk: 'm5 7 5 5-5 5M12 18h7', webhook: 'M9 4c-4 0-2 7-5 8 3 1 1 8 5 8M15 4c4 0 2 7 5 8-3 1-1 8-5 8',
  yes: 'm7 12.500 3.500 3.500L17 9', no: 'm8.500 8.500 7 7m0-7-7 7', skip: 'M8 12h8', left: 'm14 6-6 6 6 6', right: 'm10 6 6 6-6 6',
  find: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zm5 12 4 4', diff: 'M5 7h8M9 3v8M12 19h8M18 5 6 20', at: 'M16 8v5a3 3 0 0 0 5 0v-1a9 9 0 1 0-4 7M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z',
  shield: 'M12 3 5 6v5c0 5 3 8 7 10 4-2 7-5 7-10V6z', warn: 'M12 4 3 20h18zM12 10v5M12 17v.500', key: 'M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8zm3 1 8-8m-3 3 3 3',
  cut: 'M6 4a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5zm0 11a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5zm2-7 12 10M8 16 20 6', phone: 'M8 3h8v18H8zM11 18h2',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1', system: 'M12 4a8 8 0 1 0 0 16zV4a8 8 0 0 1 0 16', light: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1 1M18 18l1 1M5 19l1-1M18 6l1-1', dark: 'M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z',
};
function svg(box, kids, props) {
  const e = (tag, props, ...kids) => {
    const n = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const k in props) n.setAttribute(k, props[k]);
    n.append(...kids);
    return n;
  };
  return e('svg', {viewBox: box, 'aria-hidden': 'true', ...props}, ...kids.map(k => e(...k)));
}
const icon = name => svg('0 0 24 24', [['path', {d: paths[name] || paths.webhook}]], {class: 'i'});
const tile = name => h('span.tile', icon(name));
const vh = s => h('span.vh', s);
const button = (act, label, props) => h('button', {type: 'button', 'data-do': act, ...props}, label);
function bars(severity) {
  const n = severities.indexOf(severity) + 1;
  return svg('0 0 23 16', [0, 1, 2, 3, 4].map(i => ['rect', {x: i * 5, y: 12 - i * 3, width: 3, height: 4 + i * 3, rx: 1, class: i < n ? 'on' : ''}]), {class: 'bars ' + (n ? severity : '')});
}

// merge makes a like b, keeping the nodes of a that are of the same kind and key.
function merge(a, b) {
  for (const {name} of [...a.attributes]) {
    if (!b.hasAttribute(name) && name !== 'style' && !(name === 'open' && a.tagName === 'DETAILS')) a.removeAttribute(name);
  }
  for (const {name, value} of b.attributes) {
    if (name === 'style') a.style.cssText = value;
    else if (a.getAttribute(name) !== value && !(name === 'open' && a.tagName === 'DETAILS')) a.setAttribute(name, value);
  }
  fill(a, [...b.childNodes]);
}
function fill(a, kids) {
  const keyOf = n => n?.dataset?.key, keyed = new Map();
  for (const c of a.children) if (keyOf(c)) keyed.set(keyOf(c), c);
  const wanted = new Set(kids.map(keyOf).filter(Boolean));
  let at = a.firstChild;
  const drop = () => { const n = at; at = at.nextSibling; n.remove(); };
  for (const n of kids) {
    while (at && keyOf(at) && !wanted.has(keyOf(at))) drop();
    const old = keyOf(n) ? keyed.get(keyOf(n)) : at && !keyOf(at) ? at : null;
    if (!old || old.nodeName !== n.nodeName) { a.insertBefore(n, at); continue; }
    if (old === at) at = at.nextSibling; else a.insertBefore(old, at);
    if (old.nodeType === 3) { if (old.data !== n.data) old.data = n.data; } else merge(old, n);
  }
  while (at) drop();
}
const show = (at, ...kids) => fill(at, kids.flat(9).filter(Boolean).map(k => typeof k === 'string' ? document.createTextNode(k) : k));

// --- The nodes of a message

const inline = {b: 'strong', i: 'em', s: 's', code: 'code'}, block = {group: 'div', p: 'div', h: 'h3', small: 'div', pre: 'pre', quote: 'blockquote', list: 'ul', item: 'li', fields: 'div', table: 'div', lines: 'div'};
const name = s => /^[a-z]+$/.test(s || '') ? s : '';
const words = {
  mention: 'would have called people', link: 'would have been a link with a false name', markup: 'would have changed how the message looks',
  control: 'would have changed what the screen shows', url: 'could have been clicked',
};
const drawn = nodes => (nodes || []).map(n => draw(n));
function draw(n) {
  if (!n.d) return bare(n);
  if (!S.diff) return n.d === '-' ? null : bare(n);
  return h(n.d === '-' ? 'del' : 'ins', {tabindex: -1, class: block[n.k] || ['bar', 'kv', 'cut', 'fold', 'line', 'message'].includes(n.k) ? 'block' : null}, bare(n));
}
function bare(n) {
  const kids = () => drawn(n.c), k = n.k, t = () => vis(n.t, true);
  if (inline[k]) return h(inline[k], {}, kids());
  if (block[k]) return h(block[k], {class: 'n-' + k}, k === 'table' && n.t ? h('h4', t()) : '', kids());
  switch (k) {
  case 'text': return h('span', t());
  case 'mention': return h('span.mention', t());
  case 'link': return h('span.lnk', {tabindex: 0, 'aria-describedby': 'tip', 'data-url': n.s}, kids());
  case 'mark': return h('mark', {tabindex: 0, 'aria-describedby': 'tip', 'data-n': n.n, 'data-was': n.was, 'data-from': n.from, 'data-at': n.at}, n.c ? kids() : t());
  case 'box': return h('span.box', n.t);
  case 'redact': return h('span.red', t());
  case 'run': return h('span', {class: 'j-' + name(n.s)}, t());
  case 'br': return h('br');
  case 'button': return h('span.dead', t());
  case 'hr': return h('hr');
  case 'image': return h('div.n-image', 'Image, not loaded: ', t(), ' ', h('code', vis(n.s)));
  case 'bar': {
    const e = h('div.n-bar', kids());
    if (/^#[0-9a-f]{6}$/i.test(n.s)) e.style.borderColor = n.s;
    return e;
  }
  case 'fold': return h('details.n-fold', h('summary', t()), kids());
  case 'cut': return n.c?.length ? h('details.n-cut', h('summary', h('span', t())), h('div', kids())) : h('div.n-cut', h('span', t()));
  case 'kv': return h('div.n-kv', h('span.l', t()), h('div', kids()));
  case 'json': return h('div.n-json', h('p', t()), h('pre', kids()));
  case 'message': return h('div', {class: 'n-message ' + name(n.s)}, h('span.face', icon('pagerduty')), h('div.who', h('b', t()), ' ', h('span.app', 'APP')), h('div.body', kids()));
  case 'phone': return h('div.n-phone', icon('phone'), h('div', h('span.l', n.t === 'PagerDuty' ? 'Roughly, on the phone: ' : 'On a locked phone: '), kids()));
  case 'request': {
    const head = (n.c || []).filter(c => c.k === 'kv'), body = (n.c || []).filter(c => c.k !== 'kv');
    return h('div.n-request', h('div.first', h('b', t()), ' ', typeof n.s === 'string' ? redacted(n.s) : ''), head.length ? h('div.headers', drawn(head)) : '', drawn(body));
  }
  case 'line': return h('div', {class: 'n-line ' + name(n.s)}, h('span.no', n.t), h('span', kids()));
  }
  return h('div.n-json', h('p', 'Not known here: ', vis(k)), h('pre', t(), kids()));
}
const redacted = s => s.split('[redacted]').flatMap((part, i) => [i ? h('span.red', 'redacted') : '', ...vis(part)]);

// place is where a problem is, and excerpt the lines around it.
const place = p => [p.file, p.line, p.col].filter(Boolean).join(':');
function excerpt(p) {
  if (!p.source?.length) return '';
  return h('div.n-lines', p.source.map(l => {
    const here = l.n === p.line, text = [...l.text], from = here && p.col ? p.col - 1 : -1;
    let to = from;
    while (from >= 0 && to < text.length && (to === from || /[\w.$-]/.test(text[to]))) to++;
    const part = (a, b) => vis(text.slice(a, b).join(''), true);
    return h('div', {class: 'n-line' + (here ? ' error' : '')}, h('span.no', l.n),
      h('span', from < 0 || from >= text.length ? part(0) : [part(0, from), h('span.wavy', part(from, to)), part(to)]));
  }));
}
const problem = p => h('div.problem', {tabindex: -1, 'data-key': 'x' + place(p) + p.text}, h('p', place(p) ? h('u', vis(place(p))) : '', ' ', h('b', vis(p.text)), p.hint ? [' ', vis(p.hint)] : ''), excerpt(p));

// --- The address

function read() {
  const q = new URLSearchParams(location.search), faces = S.state.faces || [];
  let face = location.pathname === '/inbox' ? 'inbox' : 'preview';
  if (faces.length && !faces.includes(face)) face = faces[0];
  const get = k => q.get(k) || '';
  S.at = {face, source: get('source'), alert: get('alert'), against: get('against'), channel: get('channel'), item: get('item'), card: decode(location.hash.slice(1))};
}
function decode(s) { try { return decodeURIComponent(s); } catch { return ''; } }
function address(at) {
  const q = new URLSearchParams();
  for (const k of at.face === 'inbox' ? ['channel', 'item'] : ['source', 'alert', 'against']) if (at[k]) q.set(k, at[k]);
  return (at.face === 'inbox' ? '/inbox' : '/') + (q.size ? '?' + q : '') + (at.card && at.face !== 'inbox' ? '#' + encodeURIComponent(at.card) : '');
}
function go(to, replace) {
  S.at = {...S.at, ...to};
  history[replace ? 'replaceState' : 'pushState'](null, '', address(S.at));
}

// --- Asking

async function ask(path, options) {
  const r = await fetch(path, options), type = r.headers.get('content-type') || '';
  const answer = type.includes('json') ? await r.json() : {};
  if (r.ok) return answer;
  throw Object.assign(new Error(answer.error || 'the server answers ' + r.status), {hint: answer.hint, status: r.status});
}
const query = o => '?' + new URLSearchParams(Object.entries(o).filter(([, v]) => v));
const running = {};
let busy = 0;
// latest asks, and drops the answer of an earlier question of the same kind.
async function latest(kind, path) {
  running[kind]?.abort();
  const c = running[kind] = new AbortController();
  busy++;
  const slow = setTimeout(() => main.setAttribute('aria-busy', 'true'), 150);
  try {
    const answer = await ask(path, {signal: c.signal});
    return c.signal.aborted ? null : answer;
  } catch (e) {
    if (e.name === 'AbortError') return null;
    if (e instanceof TypeError) return lost(), null;
    if (e.status === 401 || e.status === 403) return over('Another one runs there now: open the address that it printed'), null;
    throw e;
  } finally {
    clearTimeout(slow);
    if (!--busy) main.removeAttribute('aria-busy');
  }
}
function lost() { S.up = false; S.live = 'Reconnecting'; bar(); }
function over(words) { S.up = false; S.live = words; bar(); }

async function loadState() {
  const s = await latest('state', '/api/state');
  if (!s) return;
  if (S.state.instance && s.instance !== S.state.instance) return location.reload();
  S.state = s;
  bar();
}
async function loadList(more) {
  const after = more ? S.next : '', a = await latest('list', '/api/alerts' + query({source: S.at.source, q: S.q, after}));
  if (!a) return;
  S.rows = more ? S.rows.concat(a.alerts || []) : a.alerts || [];
  S.next = a.next || '';
  if (!S.at.alert && S.rows.length) { go({alert: S.rows[0].id}, true); loadPreview(); }
  else if (!S.rows.length && !S.at.alert) { S.p = null; face(); }
  list();
}
async function loadPreview() {
  if (!S.at.alert) return face();
  const id = S.at.alert;
  try {
    const p = await latest('preview', '/api/preview' + query({alert: id, against: S.at.against || (S.state.changed ? 'before' : '')}));
    if (!p) return;
    S.p = p;
    S.error = null;
  } catch (e) { S.p = null; S.error = e; }
  face();
  return S.p;
}
async function loadInbox(more) {
  const a = await latest('inbox', '/api/inbox' + query({channel: S.at.channel, q: S.q, after: more ? S.next : ''}));
  if (!a) return;
  S.items = more ? S.items.concat(a.items || []) : a.items || [];
  S.next = a.next || '';
  S.inbox = a;
  S.held = 0;
  list();
  if (!S.at.item) face();
}
async function loadItem() {
  S.item = null;
  S.error = null;
  if (!S.at.item) return face();
  try {
    const item = await latest('item', '/api/inbox/' + encodeURIComponent(S.at.item));
    if (!item) return;
    S.item = item;
    const row = S.items.find(i => i.id === item.id);
    if (row?.unread) { row.unread = false; S.state.unread = Math.max(0, S.state.unread - 1); }
  } catch (e) { S.error = e; }
  face();
  list();
  bar();
}

// --- Header, title

const base = s => (s || '').split('/').pop();
const plural = (n, one, many = one + 's') => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
const clock = t => { const d = new Date(t); return isNaN(d) ? '' : d.toTimeString().slice(0, 8); };
const faulty = () => [...(S.state.config?.errors || []), ...(S.state.templates || []).flatMap(t => t.errors || [])];
function bar() {
  const s = S.state, n = faulty().length, saved = s.changed?.files?.map(f => base(f.name)).join(', ');
  let more = '';
  if (S.up) {
    const i = s.changed?.impact;
    if (n) more = `${saved ? `${saved} saved ${clock(s.changed.at)}, ` : ''}${plural(n, 'error')}`;
    else if (i && i.looked < i.of) more = `checked ${i.looked.toLocaleString('en')} of ${i.of.toLocaleString('en')} for changes`;
    else if (S.at.face === 'preview' && s.watched) more = s.config?.path ? base(s.config.path) + (s.watched > 1 ? ` and ${plural(s.watched - 1, 'more file')} watched` : ' watched') : `${plural(s.watched, 'file')} watched`;
  }
  show($('#live'), h('span', {class: 'dot' + (S.up ? n ? ' error' : '' : ' off')}), h('b', S.up ? 'Live' : S.live), more ? h('span', ' · ', vis(more)) : '');
  for (const a of $$('#faces a')) {
    a.hidden = !s.faces?.includes(a.dataset.face);
    a.toggleAttribute('aria-current', a.dataset.face === S.at.face);
    if (a.dataset.face === S.at.face) a.setAttribute('aria-current', 'page');
  }
  $('#faces').hidden = (s.faces?.length || 0) < 2;
  show($('#faces b'), s.unread ? [vh('unread: '), String(s.unread)] : '');
  const what = S.at.face === 'inbox' ? S.item?.title : S.p?.alert.title;
  document.title = (s.unread ? `(${s.unread}) ` : '') + [what, S.at.face === 'inbox' ? 'Inbox' : 'Preview', 'ossec-notify'].filter(Boolean).join(' · ').replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
  document.body.dataset.face = S.at.face;
  const theme = load('theme', 'system');
  document.documentElement.dataset.theme = theme;
  const t = $('#theme');
  t.setAttribute('aria-label', 'Theme: ' + theme);
  t.title = 'Theme: ' + theme;
  show(t, icon(theme));
}

// --- The list

function source() { return (S.state.sources || []).find(s => s.id === S.at.source); }
function list() {
  rail.setAttribute('aria-label', S.at.face === 'inbox' ? 'Arrivals' : 'Alerts');
  show(rail, S.at.face === 'inbox' ? arrivals() : alerts());
  const pick = $('#source');
  if (pick) pick.value = S.at.source;
  if (S.at.face === 'preview') steps();
}
const find = label => h('div.find', icon('find'), h('input', {id: 'q', type: 'search', placeholder: label, 'aria-label': label, autocomplete: 'off', spellcheck: 'false'}), h('kbd', {'aria-hidden': 'true'}, '/'));
const more = what => S.next ? h('li.more', {'data-key': 'more'}, button('more', what)) : '';
function alerts() {
  const s = source();
  return [
    h('div.tools', {'data-key': 'tools'},
      h('div.two', h('label.pick', vh('Alerts of'), h('select', {id: 'source'}, (S.state.sources || []).map(o => h('option', {value: o.id}, vis(o.name)))), h('span', s ? s.count.toLocaleString('en') : '')), button('paste', 'Paste')),
      find('Rule, agent, address or text')),
    s?.problems?.length ? h('ul.unread', {'data-key': 'unread'}, s.problems.map(p => h('li', h('b', vis(place(p))), ' ', vis(p.text)))) : '',
    h('ul.rows', {'data-key': 'rows'}, S.rows.map(r => h('li', {'data-key': r.id},
      h('a.row', {href: address({...S.at, face: 'preview', alert: r.id, card: ''}), 'data-do': 'alert', 'data-id': r.id, 'aria-current': r.id === S.at.alert && 'true'},
        bars(r.severity), h('span.t', vis(r.title)),
        h('span.m', vh(r.severity + ', '), [r.level >= 0 ? 'level ' + r.level : '', r.rule ? 'rule ' + r.rule : '', r.agent].filter(Boolean).flatMap((x, i) => [i ? ' · ' : '', ...vis(x)])),
        h('span.e', r.changed || S.changed.has(r.id) ? h('span.pm', '±', vh(' changed by the save')) : '', r.told ? r.told + ' told' : 'nobody')))),
      more('200 more')),
    S.rows.length ? '' : h('p.empty', {'data-key': 'empty'}, S.q ? ['No alert here holds “', vis(S.q), '”.'] : vis(s?.empty || (S.state.sources?.length ? 'No alerts here.' : 'No alerts: pass a file, or paste one.'))),
  ];
}
function arrivals() {
  const counts = S.inbox?.counts || {}, total = Object.values(counts).reduce((a, b) => a + b, 0), of = {}, top = [];
  for (const i of S.items) {
    if (i.of && S.items.some(o => o.id === i.of)) (of[i.of] ??= []).push(i); else top.push(i);
  }
  const row = (i, deep) => h('li', {'data-key': i.id, class: deep ? 'deep' : null},
    h('a', {class: 'row item' + (i.unread ? ' new' : ''), href: address({...S.at, face: 'inbox', item: i.id}), 'data-do': 'item', 'data-id': i.id, 'aria-current': i.id === S.at.item && 'true'},
      tile(i.channel), h('span.t', i.unread ? vh('unread: ') : '', vis(i.title)), h('span.e', clock(i.at)),
      h('span.m', vh(channels[i.channel] + ' '), vis(i.receiver), i.joined ? `, joined by ${plural(i.joined, 'repeat')}` : ''), h('span', {class: 'a' + (i.ok ? '' : ' refused')}, i.status || '', ' ', vis(i.word))));
  const rows = [], add = (i, deep) => { if (deep < 5) { rows.push(row(i, deep)); (of[i.id] || []).forEach(c => add(c, deep + 1)); } };
  top.forEach(i => add(i, 0));
  return [
    h('div.tools', {'data-key': 'tools-in'},
      h('div.filters', {role: 'group', 'aria-label': 'Channels'}, [['', 'All', total], ...Object.entries(counts).map(([c, n]) => [c, channels[c] || c, n])].map(([c, l, n]) =>
        button('channel', [l, ' ', String(n)], {'data-id': c, 'aria-pressed': String(S.at.channel === c), 'data-key': 'f' + c}))),
      find('Title, receiver or text'),
      h('div.two', button('pause', S.paused ? (S.held ? `Show ${S.held} new` : 'Go on') : 'Pause', {'aria-pressed': String(S.paused)}), button('clear', S.clear ? `Forget all ${total}?` : 'Clear', {id: 'clear', disabled: !total}))),
    h('ul.rows', {'data-key': 'items'}, rows, more('Older ones')),
    rows.length ? '' : h('p.empty', {'data-key': 'empty'}, S.q || S.at.channel ? 'Nothing of this kind arrived.' : 'Nothing arrived yet.'),
  ];
}

// --- The preview

function face() {
  hideTip();
  show(main, ...(S.at.face === 'inbox' ? arrival() : preview()));
  settle();
  bar();
}
function steps() {
  const at = S.rows.findIndex(r => r.id === S.at.alert), e = $('.steps');
  if (e) merge(e, stepper(at));
}
const stepper = at => h('nav.steps', {'aria-label': 'Steps', 'data-key': 'steps'}, button('step', icon('left'), {'data-by': -1, 'aria-label': 'Previous alert'}),
  button('rail', vis(S.p?.alert.title || 'Alerts'), {class: 'link', 'aria-haspopup': 'dialog'}), h('span', `${at < 0 ? '–' : at + 1} of ${source()?.count ?? S.rows.length}`), button('step', icon('right'), {'data-by': 1, 'aria-label': 'Next alert'}));
function preview() {
  const p = S.p, at = S.rows.findIndex(r => r.id === S.at.alert);
  if (!p) {
    return [stepper(at), trouble(), h('section.panel.none', {'data-key': 'none'}, h('h1', S.error ? 'This alert can’t be shown' : 'No alert chosen'), h('p', S.error ? [vis(S.error.message), S.error.hint ? [': ', vis(S.error.hint)] : ''] : vis(source()?.empty || 'Choose one of the list, or paste one.')))];
  }
  const a = p.alert, key = k => ({'data-key': k + a.id});
  return [
    stepper(at),
    h('section.head', {tabindex: -1, ...key('head')},
      h('p.sev', bars(a.severity), h('b', a.severity || 'unknown'), ' ', [a.level >= 0 ? 'level ' + a.level : '', a.rule ? 'rule ' + a.rule : '', a.time].filter(Boolean).flatMap((x, i) => [i ? ' · ' : '', ...vis(x)])),
      h('h1', vis(a.title)),
      button('original', 'Original', {'aria-expanded': String(S.original), 'aria-controls': 'original'}),
      h('dl.facts', (a.facts || []).map(f => h('div', h('dt', vis(f.label)), ' ', h('dd', drawn(f.value))))),
      h('div', {id: 'original', hidden: !S.original}, S.original ? draw(a.original) : '')),
    p.nobody ? h('section.panel.nobody', {tabindex: -1, ...key('nobody')}, h('h2', icon('warn'), vis(p.nobody.title)), h('p', drawn(p.nobody.reason)), routes(p), p.nobody.paste ? [h('p', 'To tell somebody, add to ', h('b', vis(base(S.state.config?.path) || 'the config')), ':'), h('pre.n-pre', vis(p.nobody.paste, true)), button('copy', 'Copy', {'data-text': p.nobody.paste})] : '')
      : h('section.panel.told', {tabindex: -1, ...key('told')}, h('h2.vh', 'Who is told'), h('p', drawn(p.told)), routes(p)),
    trouble(), strip(p),
    h('nav.jump', {'aria-label': 'Receivers', 'data-key': 'jump'}, (p.cards || []).map(c => to(c.receiver, [icon(c.channel), vis(c.receiver)])), p.not_told?.length ? button('nottold', p.not_told.length + ' not told') : ''),
    h('div', {id: 'cards', 'data-key': 'cards'}, cols(p)),
    p.not_told?.length ? h('details.panel.nottold', {open: p.not_told.length < 9, tabindex: -1, ...key('not')}, h('summary', h('h2', 'Not told: ' + plural(p.not_told.length, 'receiver'))), h('ul', p.not_told.map(r => h('li', {'data-key': r.receiver}, h('b', {'data-r': r.receiver}, vis(r.receiver)), h('span', drawn(r.reason)), peek(r))))) : '',
  ];
}
const to = (r, kids) => h('a.chip', {href: '#' + encodeURIComponent(r), 'data-do': 'jump', 'data-r': r}, kids || vis(r));
function peek(r) {
  return r.card ? h('details.peek', h('summary', 'see its message'), card(r.card, 'peek')) : '';
}
const verdicts = {takes: ['yes', 'takes it'], misses: ['no', 'does not match'], unasked: ['skip', 'not asked']};
function routes(p) {
  const all = p.routes || [], far = r => r.far || r.verdict === 'unasked', fold = all.length > 8 && all.some(far), few = fold && !S.all;
  return [h('ol.routes', all.filter(r => !few || !far(r)).map(r => {
    const [i, words] = verdicts[r.verdict] || verdicts.unasked, e = h('li', {class: r.verdict, 'data-key': 'r' + r.route},
      h('span.v', icon(i), vh(words + ': ')), h('code', vis(r.route)), h('span.why', drawn(r.reason), (r.notes || []).map(n => h('span.note', vis(n)))),
      h('span.to', (r.to || []).map(t => r.verdict === 'takes' ? to(t) : '')));
    if (r.depth) e.style.paddingInlineStart = Math.min(r.depth, 6) * 16 + 'px';
    return e;
  })), fold ? button('fold', few ? `${all.filter(far).length} more` : 'Fewer', {class: 'link', 'aria-expanded': String(!few)}) : ''];
}

function trouble() {
  const s = S.state, conf = s.config?.errors || [], t = (s.templates || []).filter(t => t.errors?.length), cards = S.p?.cards || [];
  if (!conf.length && !t.length) return '';
  const ends = (p, go) => h('span.ends', go ? button('trouble', 'Go to it', {'data-place': place(p)}) : '', button('copy', 'Copy place', {'data-text': place(p)}));
  const since = s.changed ? ' since ' + clock(s.changed.at) : '';
  return h('section.strip.bad', {'aria-label': 'Trouble', tabindex: -1, 'data-key': 'trouble'},
    conf.length ? [h('p', icon('warn'), h('span', h('b', vis(base(s.config.path) || 'The config')), ` has ${plural(conf.length, 'mistake')}${since}. Shown with the one that loaded at ${clock(s.config.loaded_at)}.`)), conf.map(p => h('div.one', {'data-key': 'c' + place(p) + p.text}, problem(p), ends(p)))] : '',
    t.flatMap(t => t.errors.map(p => {
      const hit = cards.filter(c => c.problems?.some(x => x.kind === 'template' && x.file === p.file));
      return h('div.one', {'data-key': 't' + place(p) + p.text}, h('p', icon('warn'), h('span', h('b', vis(place(p) || t.name)), ` has an error${since}. `,
        hit.length ? [hit.flatMap((c, i) => [i ? ', ' : '', h('b', vis(c.receiver))]), hit.length > 1 ? ' get the default message' : ' gets the default message', s.templates.length > 1 ? `; the other ${plural(s.templates.length - 1, 'template')} ${s.templates.length > 2 ? 'are' : 'is'} ${s.templates.filter(x => x.errors?.length).length > 1 ? 'looked at below' : 'fine'}` : '', '.'] : vis(p.text)), ends(p, hit.length)), hit.length ? '' : problem(p));
    })));
}
function strip(p) {
  const c = S.state.changed;
  if (!c && !p.against_rev) return '';
  const all = (p.cards || []).length + (p.gone || []).length, n = (p.cards || []).filter(c => c.changed || c.new).length + (p.gone || []).length, i = c?.impact, against = S.at.against || 'before';
  const by = against === 'before' ? [h('b', vis(c?.files?.map(f => base(f.name)).join(', ') || 'The config')), c ? ` saved ${clock(c.at)}. It ` : ' '] : 'What changed since then ';
  const choices = [['before', 'Against the save before'], ['start', 'Against the start'], ['running', 'Against the running config']];
  if (!choices.some(([v]) => v === against)) choices.push([against, 'Against save ' + against]);
  return h('section.strip.add', {'aria-label': 'Changes', tabindex: -1, 'data-key': 'strip'}, h('p', icon('diff'), h('span', by,
    n ? ['changes ', h('b', `${n} of ${all}`), ' messages here'] : 'changes no message here', i ? [i.changed ? [n ? ', and messages of ' : ', but messages of ', h('b', `${i.changed} of ${i.looked.toLocaleString('en')}`), ' alerts'] : [', and none of the other ', String(i.looked.toLocaleString('en'))], i.looked < i.of ? ' checked so far' : ' in this list'] : '', '.'),
  h('span.ends', h('label.pick', vh('Compare with'), h('select', {id: 'against'}, choices.map(([v, l]) => h('option', {value: v}, l)))),
    button('diff', 'Differences', {'aria-pressed': String(S.diff)}), button('change', icon('left'), {'data-by': -1, 'aria-label': 'Previous change'}), button('change', icon('right'), {'data-by': 1, 'aria-label': 'Next change'}))));
}

// cols puts each card into the column that is the shortest when it first comes; there it stays until the alert changes.
function cols(p) {
  const n = columns(), all = [...(p.cards || []).map(c => [c.receiver, card(c)]), ...(p.gone || []).map(c => ['gone ' + c.receiver, card(c, 'gone')])];
  if (S.colFor !== p.alert.id + n) { S.col = {}; S.colFor = p.alert.id + n; }
  return [...Array(n).keys()].map(i => h('div.col', {'data-key': 'col' + i}, all.filter(([r, e]) => (S.col[r] ?? 0) === i && (S.col[r] != null || n === 1 || (e.classList.add('unset'), true))).map(([, e]) => e)));
}
// settle measures the cards that have no column yet, and moves them.
function settle() {
  const cols = $$('#cards > .col');
  if (S.at.face !== 'preview' || !cols.length) return;
  for (const e of $$('#cards .unset')) {
    const k = e.dataset.col, i = cols.map((c, i) => [[...c.children].reduce((sum, x) => sum + (x.classList.contains('unset') ? 0 : x.offsetHeight + 18), 0), i]).sort((a, b) => a[0] - b[0] || a[1] - b[1])[0][1];
    S.col[k] = i;
    e.classList.remove('unset');
    if (i) cols[i].append(e);
  }
  const pick = $('#against');
  if (pick) pick.value = S.at.against || 'before';
}
const viewOf = (channel, views) => (views || []).find(v => v.id === S.view[channel]) || views?.[0];
function views(channel, all, chosen) {
  return h('div.seg', {role: 'group', 'aria-label': 'Views'}, (all || []).map(v => button('view', vis(v.label), {'data-channel': channel, 'data-id': v.id, 'aria-pressed': String(v === chosen)})));
}
const chip = (kind, i, ...kids) => h('li', {class: 'tag ' + kind}, icon(i), h('span', kids));
function card(c, how) {
  const v = viewOf(c.channel, c.views), m = c.marks || {}, probs = c.problems || [], broken = probs.filter(p => p.kind === 'template'), secret = probs.filter(p => p.kind === 'secret'), cut = (c.limits || []).filter(l => l.cut);
  const id = 'card ' + (how || '') + c.receiver, tags = [
    how === 'gone' ? chip('del', 'diff', 'no longer told') : c.new ? chip('add', 'diff', 'new by this save') : c.changed ? chip('add', 'diff', 'changed by this save') : '',
    broken.length ? chip('bad', 'warn', 'template error') : '', secret.length ? chip('warn', 'key', 'secret missing: can be seen, can’t be sent') : '',
    cut.map(l => chip('bad', 'cut', `cut: ${plural(l.cut, l.unit || 'character', l.unit || 'characters')}`)), probs.filter(p => p.kind === 'limit').map(p => chip('warn', 'cut', vis(p.text))),
    m.neutralised ? chip('mark', 'shield', `${plural(m.neutralised, 'place')} neutralised`) : '',
    m.mentions?.length ? chip('', 'at', 'mentions ', vis(m.mentions.join(', ')), c.template ? [', written in ', vis(c.template)] : '') : m.neutralised && c.channel === 'slack' ? chip('', 'at', 'mentions nobody') : '',
  ].flat().filter(Boolean);
  return h('article', {class: 'card' + (how ? ' ' + how : ''), tabindex: -1, 'aria-label': c.receiver, 'data-key': id + S.p?.alert.id, 'data-col': (how === 'gone' ? 'gone ' : '') + c.receiver, 'data-r': c.receiver, 'data-channel': c.channel, 'data-curl': c.curl || null},
    h('header', tile(c.channel), h('div.name', h('h2', vis(c.receiver)), h('p', vis(c.where || channels[c.channel] || c.channel), c.route ? [' · ', /^(always|default)$/.test(c.route) ? '' : 'route ', h('b', vis(c.route))] : '')), views(c.channel, c.views, v)),
    h('div.in', tags.length ? h('ul.tags', tags) : '',
      broken.map(problem), broken.length ? h('p.sub', 'Until it is mended, ', h('b', vis(c.receiver)), ' gets the default message:') : '',
      secret.map(p => h('p.sub', vis(p.text), ' ', p.hint ? [vis(p.hint), ' '] : '', place(p) ? h('u', vis(place(p))) : '')), v ? look(v, c) : ''),
    h('footer', meters(c.limits || []),
      c.copy && v?.id !== 'shown' ? button('copy', [icon('copy'), 'Copy body'], {class: 'link', 'data-text': c.copy}) : '', c.curl ? button('copy', [icon('copy'), 'Copy as curl'], {class: 'link', 'data-text': c.curl}) : '',
      c.template ? (c.views || []).some(v => v.id === 'template') ? button('view', vis(c.template), {class: 'link end', 'data-channel': c.channel, 'data-id': 'template'}) : h('span.end', vis(c.template)) : ''));
}
function look(v, c) {
  return h('div', {class: 'view ' + (c?.channel || ''), 'data-key': 'v' + v.id, 'data-view': v.id}, drawn(v.draw), v.frame ? [
    h('div', {class: 'mail' + (S.dark ? ' dark' : '')}, h('iframe', {sandbox: '', src: '/frame/' + encodeURIComponent(v.frame), title: 'The mail as HTML', loading: 'lazy'})),
    button('mail', S.dark ? 'Seen in dark' : 'Seen in light', {class: 'link', 'aria-pressed': String(S.dark), title: 'What the mail shows where dark is preferred'})] : '');
}
function meters(all) {
  const one = l => {
    const full = l.cut || l.n > l.of ? 'bad' : l.n >= l.of * 0.9 ? 'warn' : '', at = h('i');
    at.style.width = Math.min(100, l.of ? l.n / l.of * 100 : 0) + '%';
    return h('span', {class: 'meter ' + full}, vis(l.name), ' ', h('span.track', at), ' ', h('b', l.n.toLocaleString('en')), ` of ${l.of.toLocaleString('en')}${l.unit && !/^char/.test(l.unit) ? ' ' + l.unit : ''}${full === 'bad' ? ', cut' : full ? ', near' : ''}`);
  };
  return [all.slice(0, 2).map(one), all.length > 2 ? h('details.limits', h('summary', '+' + plural(all.length - 2, 'limit')), all.slice(2).map(one)) : ''];
}

// --- The inbox

function arrival() {
  const i = S.item;
  if (!i) {
    const box = S.inbox, empty = box && !S.items.length && !S.at.channel && !S.q;
    return [h('section.panel.none', {'data-key': 'none'}, h('h1', S.error ? 'This one is gone' : empty ? 'Nothing arrived yet' : box ? 'Choose an arrival' : 'Inbox'),
      S.error ? h('p', vis(S.error.message), '. 500 are kept.') : '',
      empty || !i ? [h('p', 'The stand-ins listen here:'), h('dl.addresses', (box?.addresses || []).map(a => h('div', h('dt', channels[a.channel] || a.channel), ' ', h('dd', h('code', vis(a.url)), ' ', button('copy', 'Copy', {'data-text': a.url, 'aria-label': 'Copy the address of ' + a.channel})))))] : '',
      box?.example ? [h('p', 'Try:'), h('pre.n-pre', vis(box.example, true)), button('copy', 'Copy', {'data-text': box.example})] : '')];
  }
  const v = viewOf('inbox', i.views);
  return [h('article.card', {tabindex: -1, 'data-key': 'in' + i.id, 'aria-label': i.title, 'data-channel': 'inbox'},
    h('header', tile(i.channel), h('div.name', h('h1', vis(i.title)), h('p', h('b', vis(i.receiver)), ` · ${channels[i.channel] || i.channel} stand-in · ${clock(i.at)} · `, h('span', {class: i.ok ? 'fine' : 'refused'}, i.status || '', ' ', vis(i.word)))), views('inbox', i.views, v)),
    h('div.in', i.ok ? '' : h('div.problem', h('p', h('u', i.status || '', ' ', vis(i.word))), (i.checks || []).filter(c => !c.ok).map(c => h('p', h('b', vis(c.text))))),
      i.joined ? h('p.sub', `${plural(i.joined, 'repeat')} joined this incident.`) : '', v ? look(v, i) : '',
      i.checks?.length ? h('ul.checks', i.checks.map(c => h('li', {class: c.ok ? 'fine' : 'refused'}, icon(c.ok ? 'yes' : 'no'), vh(c.ok ? 'right: ' : 'wrong: '), h('span', vis(c.text))))) : ''))];
}

// --- What hovering or focus explains

let tipFor;
function showTip(e) {
  const d = e.dataset;
  tipFor = e;
  show(tip, d.url != null ? [h('b', 'Link'), ' to ', h('code', vis(d.url)), '. It leads nowhere here.'] : [h('b', vis([d.from, d.at].filter(Boolean).join(', ') || 'Alert text')), '. Was ', h('code', vis(d.was || e.textContent)), ': ', words[d.n] || 'would have acted', '. Sent as the words you see.']);
  tip.hidden = false;
  const r = e.getBoundingClientRect(), below = r.bottom + tip.offsetHeight + 12 < innerHeight;
  tip.style.left = Math.max(8, Math.min(r.left, innerWidth - tip.offsetWidth - 8)) + scrollX + 'px';
  tip.style.top = (below ? r.bottom + 4 : r.top - tip.offsetHeight - 4) + scrollY + 'px';
}
function hideTip() { tip.hidden = true; tipFor = null; }
let leaving;
document.addEventListener('pointerover', e => {
  clearTimeout(leaving);
  const m = e.target.closest?.('mark,.lnk'), r = e.target.closest?.('[data-r]');
  if (m) showTip(m); else if (tipFor && tipFor !== document.activeElement && !e.target.closest?.('#tip')) leaving = setTimeout(hideTip, 150);
  light(r?.dataset.r);
});
document.addEventListener('focusin', e => {
  if (e.target.matches('mark,.lnk')) showTip(e.target); else hideTip();
  light(e.target.closest('[data-r]')?.dataset.r);
});
function light(r) {
  for (const e of $$('.lit')) if (e.dataset.r !== r) e.classList.remove('lit');
  if (r) for (const e of $$('[data-r]')) e.classList.toggle('lit', e.dataset.r === r);
}

// --- What can be done

const say = s => { $('#say').textContent = s; }, cry = s => { $('#cry').textContent = s; };
const cards = () => $$('.card', main).filter(e => e.offsetParent);
const current = () => document.activeElement.closest?.('.card') || cards().find(c => c.dataset.r === S.at.card) || cards()[0];
function focus(e, block = 'nearest') { if (e) { e.focus({preventScroll: true}); e.scrollIntoView({block}); } }
function walk(all, by) {
  if (!all.length) return false;
  const at = all.indexOf(document.activeElement), next = at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by;
  if (next < 0 || next >= all.length) return false;
  const hidden = all[next].closest('details:not([open])');
  if (hidden) hidden.open = true;
  focus(all[next], 'center');
  return true;
}
function choose(id) {
  if (railbox.open) railbox.close();
  if (S.at.face === 'inbox') { go({item: id}); list(); return loadItem().then(() => { if (narrow.matches) focus($('.card', main), 'start'); }); }
  go({alert: id, card: ''});
  list();
  $('.row[aria-current]', rail)?.scrollIntoView({block: 'nearest'});
  scrollTo(0, 0);
  return loadPreview();
}
async function step(by) {
  const inbox = S.at.face === 'inbox', ids = inbox ? $$('.row', rail).map(e => e.dataset.id) : S.rows.map(r => r.id), at = ids.indexOf(inbox ? S.at.item : S.at.alert) + by;
  if (at >= ids.length && S.next) { await acts.more(); return step(by); }
  if (at >= 0 && at < ids.length) choose(ids[at]);
}
async function start() {
  list();
  bar();
  if (S.at.face === 'inbox') return Promise.all([loadInbox(), loadItem()]);
  const sources = S.state.sources || [];
  if (!sources.some(s => s.id === S.at.source)) S.at.source = (sources.find(s => s.count) || sources[0])?.id || '';
  await Promise.all([loadList(), S.at.alert ? loadPreview() : null]);
  if (S.at.card) focus(cards().find(c => c.dataset.r === S.at.card), 'start');
}
function restart() { S.q = ''; S.rows = []; S.items = []; S.next = ''; S.p = S.item = S.error = null; const q = $('#q'); if (q) q.value = ''; face(); start(); }
function setView(channel, id) { S.view[channel] = id; keep('view', S.view); face(); }
const acts = {
  skip: () => focus(main),
  face: e => { if (e.dataset.face !== S.at.face) { go({face: e.dataset.face, card: ''}); restart(); } },
  theme() { const all = ['system', 'light', 'dark'], next = all[(all.indexOf(load('theme', 'system')) + 1) % 3]; keep('theme', next); bar(); say('Theme: ' + next); },
  help() { $('#letters').checked = load('letters', true); $('#version').textContent = S.state.version ? 'ossec-notify ' + S.state.version : ''; $('#help').showModal(); },
  close: e => e.closest('dialog').close(),
  paste() { $('#paste-e').textContent = ''; $('#paste').showModal(); $('#paste-t').focus(); },
  async pasted() {
    const text = $('#paste-t').value, out = $('#paste-e');
    try {
      if (!text.trim()) throw new Error('There is nothing to show yet');
      if (new Blob([text]).size > 1 << 20) throw new Error('This is more than 1 MiB: save it, and pass the file');
      const {alerts} = await ask('/api/paste', {method: 'POST', body: text, headers: {'Content-Type': 'text/plain'}});
      $('#paste-t').value = '';
      $('#paste').close();
      S.q = '';
      go({source: 'pasted', alert: alerts[0] || '', card: ''});
      await loadState();
      await Promise.all([loadList(), loadPreview()]);
    } catch (e) { out.textContent = e.message + (e.hint ? '. ' + e.hint : ''); }
  },
  rail() { railbox.append(rail); railbox.showModal(); $('.row[aria-current]', rail)?.focus(); },
  alert: e => choose(e.dataset.id), item: e => choose(e.dataset.id),
  step: e => step(+e.dataset.by),
  more: () => S.at.face === 'inbox' ? loadInbox(true) : loadList(true),
  original() { S.original = !S.original; face(); },
  fold() { S.all = !S.all; face(); },
  nottold() { const e = $('.nottold'); if (e) { e.open = true; focus(e, 'start'); } },
  jump(e) { go({card: e.dataset.r}, true); focus(cards().find(c => c.dataset.r === e.dataset.r), 'start'); },
  trouble(e) { focus($$('.card .problem').find(p => p.textContent.startsWith(e.dataset.place)), 'center'); },
  view: e => setView(e.dataset.channel, e.dataset.id),
  mail() { S.dark = !S.dark; face(); },
  diff() { S.diff = !S.diff; face(); say(S.diff ? 'Differences are shown' : 'Differences are not shown'); },
  change(e) {
    if (walk($$('ins,del', $('#cards') || main), +e.dataset.by)) return;
    const ids = S.rows.filter(r => r.changed || S.changed.has(r.id)).map(r => r.id), all = S.rows.map(r => r.id), at = all.indexOf(S.at.alert);
    const next = +e.dataset.by > 0 ? ids.find(id => all.indexOf(id) > at) : ids.findLast(id => all.indexOf(id) < at);
    if (next) choose(next); else say('No further change in this list');
  },
  async copy(e) { try { await navigator.clipboard.writeText(e.dataset.text); say('Copied'); } catch { say('The browser did not let the page copy'); } },
  channel(e) { go({channel: e.dataset.id}, true); loadInbox(); },
  pause() { S.paused = !S.paused; if (S.paused) list(); else loadInbox(); },
  async clear() {
    if (!S.clear) { S.clear = true; return list(); }
    S.clear = false;
    await ask('/api/inbox', {method: 'DELETE'});
    S.state.unread = 0;
    go({item: ''}, true);
    S.item = null;
    await loadInbox();
    bar();
  },
};
document.addEventListener('click', e => {
  const el = e.target.closest('[data-do]');
  if (S.clear && el?.id !== 'clear') { S.clear = false; list(); }
  if (!el || (el.href && (e.ctrlKey || e.metaKey || e.shiftKey || e.button))) return;
  e.preventDefault();
  acts[el.dataset.do](el);
});
document.addEventListener('change', e => {
  if (e.target.id === 'source') { S.q = ''; $('#q').value = ''; go({source: e.target.value, alert: '', card: ''}); S.p = null; loadList(); }
  if (e.target.id === 'against') { go({against: e.target.value === 'before' ? '' : e.target.value}, true); loadPreview(); }
  if (e.target.id === 'letters') keep('letters', e.target.checked);
});
let typing;
document.addEventListener('input', e => {
  if (e.target.id !== 'q') return;
  clearTimeout(typing);
  typing = setTimeout(() => { S.q = $('#q').value; if (S.at.face === 'inbox') loadInbox(); else loadList(); }, 120);
});
railbox.addEventListener('close', () => { $('#layout').prepend(rail); $('.steps .link')?.focus(); });
narrow.addEventListener('change', () => { if (!narrow.matches && railbox.open) railbox.close(); });
let wide = columns();
addEventListener('resize', () => { if (columns() !== wide) { wide = columns(); if (S.p) face(); } });
addEventListener('popstate', () => { const was = S.at; read(); if (was.face !== S.at.face || was.source !== S.at.source || was.channel !== S.at.channel) restart(); else if (S.at.face === 'inbox') { list(); loadItem(); } else if (was.alert !== S.at.alert || was.against !== S.at.against) { list(); loadPreview(); } });

// --- Keys

function region() {
  const all = [$('#bar'), narrow.matches && S.at.face === 'preview' ? null : rail, ...$$('.head,.told,.nobody,.strip', main), $('.card', main), $('.nottold')].filter(Boolean), at = all.findLastIndex(e => e.contains(document.activeElement) || (e.matches('.card') && document.activeElement.closest('.card')));
  focus(all[(at + 1) % all.length]);
}
function byCard(by) { const all = cards(), at = all.indexOf(document.activeElement.closest('.card')); focus(all[Math.max(0, Math.min(all.length - 1, at + by))], 'start'); }
const keys = {
  j: () => step(1), k: () => step(-1), '/': () => { if (narrow.matches && S.at.face === 'preview') acts.rail(); $('#q')?.focus(); }, '[': () => byCard(-1), ']': () => byCard(1),
  v() { const c = current(), all = $$('header .seg button', c), at = all.findIndex(b => b.getAttribute('aria-pressed') === 'true'); if (all.length) { const b = all[(at + 1) % all.length]; setView(b.dataset.channel, b.dataset.id); } },
  d: acts.diff, n: () => acts.change({dataset: {by: 1}}), N: () => acts.change({dataset: {by: -1}}), m: () => walk($$('mark', main), 1), M: () => walk($$('mark', main), -1),
  e: acts.fold, o: acts.original, c() { const c = current(); if (c?.dataset.curl) acts.copy({dataset: {text: c.dataset.curl}}); }, p: () => S.state.faces.includes('preview') && acts.paste(),
  i() { const other = $$('#faces a').find(a => !a.hidden && a.dataset.face !== S.at.face); if (other) acts.face(other); }, t: acts.theme, '?': acts.help,
};
document.addEventListener('keydown', e => {
  if (e.key === 'F6') { e.preventDefault(); return region(); }
  if (e.key === 'Escape') { if (!tip.hidden) { hideTip(); e.preventDefault(); } if (S.clear) { S.clear = false; list(); } return; }
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches('textarea,select,input:not([type=checkbox])') || $('dialog[open]') || !load('letters', true)) return;
  if (/^[1-9]$/.test(e.key)) { e.preventDefault(); return focus(cards()[e.key - 1], 'start'); }
  if (Object.hasOwn(keys, e.key)) { e.preventDefault(); keys[e.key](); }
});

// --- What the server says by itself: only that there is something to look at

let events, again;
function connect() {
  clearTimeout(again);
  if (events || document.hidden) return;
  events = new EventSource('/events');
  const on = (kind, f) => events.addEventListener(kind, e => f(JSON.parse(e.data)));
  on('hello', async m => {
    if (S.state.instance && m.instance !== S.state.instance) return location.reload();
    S.up = true;
    const missed = m.rev !== S.state.rev || m.unread !== S.state.unread;
    S.state.unread = m.unread;
    bar();
    if (missed) look_again();
  });
  on('change', look_again);
  on('impact', m => {
    if (S.state.changed) S.state.changed.impact = {looked: m.of, ...m};
    S.changed = new Set(m.ids || []);
    bar();
    if (S.at.face === 'preview') { list(); if (S.p) face(); }
  });
  let soon;
  on('arrived', m => {
    S.state.unread = m.unread;
    bar();
    if (S.at.face !== 'inbox') return;
    if (S.paused) { S.held++; return list(); }
    clearTimeout(soon);
    soon = setTimeout(loadInbox, 50);
  });
  on('bye', m => { off(); over('Ended in the terminal. ' + (m.reason || 'Start it again with the same command')); again = setTimeout(connect, 3000); });
  events.onerror = () => {
    const words = S.up ? 'Reconnecting' : S.live;
    S.up = false;
    S.live = words === 'Connecting' ? 'Reconnecting' : words;
    bar();
    if (events?.readyState === EventSource.CLOSED) { off(); again = setTimeout(connect, 2000); loadState().catch(() => {}); }
  };
}
function off() { events?.close(); events = null; }
async function look_again() {
  const before = JSON.stringify(faulty());
  S.changed = new Set();
  await loadState();
  if (S.at.face !== 'preview') return;
  const [p] = await Promise.all([loadPreview(), loadList()]), bad = faulty(), c = S.state.changed;
  if (bad.length && JSON.stringify(bad) !== before) cry(bad.map(p => `${place(p)}: ${p.text}`).join('. '));
  else if (c && p) say(`${c.files?.map(f => base(f.name)).join(', ')} saved. It changes ${plural((p.cards || []).filter(x => x.changed || x.new).length + (p.gone || []).length, 'message')} here.`);
}
document.addEventListener('visibilitychange', () => { if (document.hidden) off(); else connect(); });

read();
start().catch(e => over(e.message));
connect();
})();
