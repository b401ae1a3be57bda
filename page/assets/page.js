// The page asks the server what to show, and draws it. What alerts say only ever becomes text nodes. What is drawn anew is
// merged into what stands there, so that focus, scroll and opened parts stay.
const doc = document;
const $ = (s, at = doc) => at.querySelector(s);
const $$ = (s, at = doc) => [...at.querySelectorAll(s)];
const on = (event, f, at = doc) => at.addEventListener(event, f);
const main = $('#main');
const rail = $('#rail');
const tip = $('#tip');
const railbox = $('#railbox');
const narrow = matchMedia('(max-width: 1020px)');
const channels = {slack: 'Slack', pagerduty: 'PagerDuty', email: 'Mail', splunk: 'HEC', webhook: 'Webhook'};
const called = channel => channels[channel] || channel[0].toUpperCase() + channel.slice(1);
const columns = () => (innerWidth < 1330 ? 1 : innerWidth < 1820 ? 2 : 3);

// S is what is known: the server's state, where the address points to, what was answered, and what was chosen here.
const S = {
  state: JSON.parse($('#state').textContent),
  at: {},
  q: '',
  rows: [],
  items: [],
  live: 'Connecting',
  up: false,
  changed: new Set(),
  diff: true,
  view: load('view', {}),
  held: 0,
  col: {},
};
const inbox = () => S.at.face === 'inbox';
function load(k, or) {
  try {
    return JSON.parse(localStorage.getItem('ossec-notify ' + k)) ?? or;
  } catch {
    return or;
  }
}
function keep(k, v) {
  try {
    localStorage.setItem('ossec-notify ' + k, JSON.stringify(v));
  } catch {
    /* then it holds until the page closes */
  }
}

// --- Elements

const unseen = /([\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}])/u;
// text is what a person sees of a string: characters that nobody would see are boxes.
const text = s =>
  !unseen.test(s)
    ? [s]
    : s
        .split(unseen)
        .map(c =>
          !unseen.test(c) || c === '\n' || c === '\t'
            ? c
            : h('span.box', 'U+' + c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')),
        );
const flat = kids => kids.flat(9).flatMap(k => (k instanceof Node ? k : k ? text(String(k)) : []));
// h makes an element: its tag and classes, attributes where the second argument is a plain object ($x is data-x), and what it holds.
function h(what, ...kids) {
  const [tag, ...classes] = what.split('.');
  const e = doc.createElement(tag);
  const props = kids[0]?.constructor === Object ? kids.shift() : {};
  if (classes.length) e.className = classes.join(' ');
  for (const k in props)
    if (props[k] != null && (props[k] !== false || k.startsWith('aria'))) e.setAttribute(k.replace('$', 'data-'), props[k]);
  e.append(...flat(kids));
  return e;
}
function svg(box, cls, tag, all) {
  const make = (tag, props) => {
    const n = doc.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const k in props) n.setAttribute(k, props[k]);
    return n;
  };
  const e = make('svg', {viewBox: box, 'aria-hidden': 'true', class: cls});
  e.append(...all.map(props => make(tag, props)));
  return e;
}
const icon = name => svg('0 0 24 24', 'i', 'use', [{href: '#i-' + name}]);
const tile = name => h('span.tile', icon(channels[name] ? name : 'webhook'));
const vh = s => h('span.vh', s);
const button = (act, label, props) => h('button', {type: 'button', $do: act, ...props}, label);
const link = (act, label, props) => button(act, label, {class: 'link', ...props});
const dots = (...all) => all.filter(Boolean).flatMap((x, i) => (i ? [' · ', x] : x));
const what = a => [a.level >= 0 && 'level ' + a.level, a.rule && 'rule ' + a.rule];
function bars(severity) {
  const n = ['info', 'low', 'medium', 'high', 'critical'].indexOf(severity) + 1;
  return svg(
    '0 0 23 16',
    'bars ' + (n ? severity : ''),
    'rect',
    [0, 1, 2, 3, 4].map(i => ({x: i * 5, y: 12 - i * 3, width: 3, height: 4 + i * 3, rx: 1, class: i < n ? 'on' : ''})),
  );
}

// merge makes a like b, and keeps the nodes of a that are of the same kind and key. People open and close details.
function merge(a, b) {
  const own = n => n === 'style' || (n === 'open' && a.tagName === 'DETAILS');
  for (const {name} of [...a.attributes]) if (!own(name) && !b.hasAttribute(name)) a.removeAttribute(name);
  for (const {name, value} of b.attributes) if (!own(name) && a.getAttribute(name) !== value) a.setAttribute(name, value);
  if (b.style) a.style.cssText = b.style.cssText;
  fill(a, [...b.childNodes]);
}
function fill(a, kids) {
  const key = n => n?.dataset?.key;
  const keyed = new Map();
  const wanted = new Set(kids.map(key));
  for (const c of a.children) keyed.set(key(c), c);
  let at = a.firstChild;
  const drop = () => {
    const n = at;
    at = at.nextSibling;
    n.remove();
  };
  for (const n of kids) {
    while (key(at) && !wanted.has(key(at))) drop();
    const old = key(n) ? keyed.get(key(n)) : at && !key(at) ? at : null;
    if (old?.nodeName !== n.nodeName) {
      a.insertBefore(n, at);
      continue;
    }
    if (old === at) at = at.nextSibling;
    else a.insertBefore(old, at);
    if (old.nodeType !== 3) merge(old, n);
    else if (old.data !== n.data) old.data = n.data;
  }
  while (at) drop();
}
const show = (at, ...kids) =>
  fill(
    at,
    flat(kids).map(k => (k instanceof Node ? k : doc.createTextNode(k))),
  );

// --- The nodes of a message

// plain are the elements of the kinds that show their text and what they hold, and nothing more.
const plain = {
  __proto__: null,
  text: 'span',
  b: 'strong',
  i: 'em',
  s: 's',
  code: 'code',
  mention: 'span.mention',
  box: 'span.box',
  redact: 'span.red',
  button: 'span.dead',
  hr: 'hr',
  group: 'div.n-group',
  p: 'div.n-p',
  h: 'h3.n-h',
  small: 'div.n-small',
  pre: 'pre.n-pre',
  quote: 'blockquote.n-quote',
  list: 'ul.n-list',
  item: 'li.n-item',
  fields: 'div.n-fields',
  lines: 'div.n-lines',
  note: 'div.n-note',
};
const word = s => (/^[a-z]+$/.test(s) ? s : '');
const drawn = nodes => (nodes || []).map(draw);
function draw(n) {
  if (!n.d || !S.diff) return n.d === '-' ? null : bare(n);
  return h(n.d === '-' ? 'del' : 'ins', {tabindex: -1}, bare(n));
}
function bare({k, t, s, c, n, was, from, at}) {
  const kids = drawn(c);
  const held = x => c[x]?.k === 'kv';
  if (plain[k]) return h(plain[k], t, kids);
  switch (k) {
    case 'run':
      return h('span', {class: 'j-' + word(s)}, t);
    case 'link':
      return h('span.lnk', {tabindex: 0, 'aria-describedby': 'tip', $url: s}, kids);
    case 'mark':
      return h('mark', {tabindex: 0, 'aria-describedby': 'tip', $n: n, $was: was, $from: from, $at: at}, kids, t);
    case 'br':
      return h(s === 'fold' ? 'span.wrap' : 'br');
    case 'image':
      return h('div.n-image', 'Image, not loaded: ', t, ' ', h('code', s));
    case 'fold':
      return h('details.n-fold', h('summary', t), kids);
    case 'cut':
      return c ? h('details.n-cut', h('summary', t), h('div', kids)) : h('div.n-cut', h('p', t));
    case 'table':
      return h('div.n-table', t && h('h4', t), kids);
    case 'kv':
      return h('div.n-kv', h('span.l', t), h('div', kids));
    case 'line':
      return h('div', {class: 'n-line ' + word(s)}, h('span.no', t), h('span', kids));
    case 'message':
      return h(
        'div',
        {class: 'n-message ' + word(s)},
        s === 'slack' && h('span.face', icon('pagerduty')),
        h('p.who', s === 'pagerduty' && [icon(s), ' '], h('b', t), s === 'slack' && [' ', h('span.app', 'APP')]),
        h('div.body', kids),
      );
    case 'phone':
      return h(
        'div.n-phone',
        icon(k),
        h('div', h('span.l', t === 'Slack' ? 'On a locked phone: ' : 'Roughly, on the phone: '), kids),
      );
    case 'request':
      return h(
        'div.n-request',
        h('div.first', h('b', t), ' ', kids[0]),
        h(
          'div.headers',
          kids.filter((_, i) => held(i)),
        ),
        kids.filter((_, i) => i && !held(i)),
      );
    case 'bar': {
      const e = h('div.n-bar', kids);
      if (/^#[0-9a-f]{6}$/i.test(s)) e.style.borderColor = s;
      return e;
    }
  }
  return h('div.n-json', h('p', k === 'json' ? t : 'Not known here: ' + k), h('pre', k !== 'json' && t, kids));
}

const base = s => (s || '').split('/').pop();
const place = p => [p.file, p.line, p.col].filter(Boolean).join(':');
const near = p => place({...p, file: base(p.file)});
// problem is where it is, what it is, and the lines around it, with a wave below the word that is meant.
function problem(p, ...more) {
  const lines = (p.source || []).map(l => {
    const here = l.n === p.line;
    const all = [...l.text];
    const from = here && p.col ? p.col - 1 : all.length;
    const part = (a, b) => all.slice(a, b).join('');
    let to = from + 1;
    while (/[\w.$-]/.test(all[to] || ' ')) to++;
    return h(
      'div.n-line' + (here ? '.error' : ''),
      h('span.no', l.n),
      h('span', part(0, from), h('span.wavy', part(from, to)), part(to)),
    );
  });
  return h(
    'div.problem',
    {tabindex: -1, $key: 'x' + place(p) + p.text, $place: place(p)},
    h('p', h('span', h('u', near(p)), h('b', p.text), ' ', p.hint), more),
    h('div.n-lines', lines),
  );
}

// --- The address

const parts = {preview: ['source', 'alert', 'against', 'to'], inbox: ['channel', 'item']};
function read() {
  const q = new URLSearchParams(location.search);
  const faces = S.state.faces;
  const face = location.pathname === '/inbox' ? 'inbox' : 'preview';
  S.at = {face: faces.includes(face) ? face : faces[0], card: ''};
  for (const k of [...parts.preview, ...parts.inbox]) S.at[k] = q.get(k) || '';
  try {
    S.at.card = decodeURIComponent(location.hash.slice(1));
  } catch {
    /* no receiver of ours */
  }
}
const query = o => {
  const q = new URLSearchParams(Object.entries(o).filter(([, v]) => v));
  return q.size ? '?' + q : '';
};
function address(to) {
  const at = {...S.at, ...to};
  const there = query(Object.fromEntries(parts[at.face].map(k => [k, at[k]])));
  return at.face === 'inbox' ? '/inbox' + there : '/' + there + (at.card && '#' + encodeURIComponent(at.card));
}
function go(to, replace) {
  history[replace ? 'replaceState' : 'pushState'](null, '', address(to));
  Object.assign(S.at, to);
}

// --- Asking

async function ask(path, options) {
  const r = await fetch(path, options);
  const answer = r.headers.get('content-type') === 'application/json' ? await r.json() : {};
  if (r.ok) return answer;
  throw Object.assign(new Error(answer.error || 'the server answers ' + r.status), {
    hint: answer.hint ? ': ' + answer.hint : '',
    status: r.status,
  });
}
const running = {};
let busy = 0;
// latest asks, and answers nothing where the same was asked anew meanwhile, or the server is gone.
async function latest(kind, path) {
  running[kind]?.abort();
  const c = (running[kind] = new AbortController());
  const slow = setTimeout(() => main.setAttribute('aria-busy', 'true'), 150);
  busy++;
  try {
    const answer = await ask(path, {signal: c.signal});
    return c.signal.aborted ? null : answer;
  } catch (e) {
    if (e.name === 'AbortError') return null;
    if (e instanceof TypeError) return offline('Reconnecting');
    if (e.status === 403) return offline('Another one runs there now: open the address that it printed');
    throw e;
  } finally {
    clearTimeout(slow);
    if (!--busy) main.removeAttribute('aria-busy');
  }
}
function offline(words) {
  S.up = false;
  S.live = words;
  bar();
  return null;
}

async function loadState() {
  const s = await latest('state', '/api/state');
  if (s && s.instance !== S.state.instance) location.reload();
  S.state = s || S.state;
  bar();
}
async function loadList(more) {
  const a = await latest('list', '/api/alerts' + query({source: S.at.source, q: S.q, after: more && S.next}));
  if (!a) return;
  S.rows = [...(more ? S.rows : []), ...a.alerts];
  S.next = a.next;
  if (!S.at.alert) {
    if (S.rows.length) go({alert: S.rows[0].id}, true);
    loadPreview();
  }
  list();
}
async function loadPreview() {
  const {alert, against, to} = S.at;
  S.error = S.note = null;
  try {
    const p = alert
      ? await latest('preview', '/api/preview' + query({alert, against: against || (S.state.changed && 'before'), to}))
      : {};
    if (!p) return;
    S.p = alert ? p : null;
  } catch (e) {
    if (against) {
      go({against: ''}, true);
      await loadPreview();
      S.note = e.message + e.hint;
      return face();
    }
    S.p = null;
    S.error = e;
  }
  face();
  return S.p;
}
async function loadInbox(more) {
  const a = await latest('inbox', '/api/inbox' + query({channel: S.at.channel, q: S.q, after: more && S.next}));
  if (!a) return;
  S.inbox = a;
  S.items = [...(more ? S.items : []), ...a.items];
  S.next = a.next;
  S.held = 0;
  list();
  if (!S.item) face();
}
async function loadItem() {
  S.item = S.error = null;
  if (S.at.item) {
    try {
      if (!(S.item = await latest('item', '/api/inbox/' + encodeURIComponent(S.at.item)))) return;
      const row = S.items.find(i => i.id === S.at.item);
      if (row?.unread) {
        row.unread = false;
        S.state.unread--;
      }
    } catch (e) {
      S.error = e;
    }
  }
  face();
  list();
}

// --- Header, title

const num = n => n.toLocaleString('en');
const plural = (n, one) => `${num(n)} ${one}${n === 1 ? '' : 's'}`;
const clock = t => new Date(t).toTimeString().slice(0, 8);
const saved = () => S.state.changed?.files.map(f => base(f.name)).join(', ') || 'the config';
// broken are the mistakes in templates: those that loading them showed, and those that this alert shows.
function broken() {
  const all = (S.state.templates || []).flatMap(t => t.errors.map(p => ({file: t.name, ...p})));
  for (const p of (S.p?.cards || []).flatMap(c => c.problems || []))
    if (p.kind === 'template' && !all.some(x => place(x) === place(p))) all.push(p);
  return all;
}
const faulty = () => [...(S.state.config?.errors || []), ...broken()];
// watching is what the live line says beside that it is live.
function watching() {
  const s = S.state;
  const change = s.changed;
  const impact = change?.impact;
  const errors = faulty().length;
  if (errors) return (change ? `${saved()} saved ${clock(change.at)}, ` : '') + plural(errors, 'error');
  if (impact?.looked < impact?.of) return `checked ${num(impact.looked)} of ${num(impact.of)} for changes`;
  if (inbox() || !s.watched) return '';
  if (!s.config.path) return plural(s.watched, 'file') + ' watched';
  return base(s.config.path) + (s.watched > 1 ? ` and ${plural(s.watched - 1, 'more file')} watched` : ' watched');
}
function bar() {
  const s = S.state;
  const more = S.up && watching();
  const dot = !S.up ? 'off' : faulty().length ? 'error' : '';
  const theme = (doc.documentElement.dataset.theme = load('theme', 'system'));
  const t = $('#theme');
  show($('#live'), h('span', {class: 'dot ' + dot}), h('b', S.up ? 'Live' : S.live), more && h('span', ' · ', more));
  for (const a of $$('#faces a')) {
    a.hidden = !s.faces.includes(a.dataset.face);
    a.ariaCurrent = a.dataset.face === S.at.face ? 'page' : null;
  }
  $('#faces').hidden = s.faces.length < 2;
  show($('#faces b'), s.unread ? [vh('unread: '), s.unread] : '');
  doc.title =
    (s.unread ? `(${s.unread}) ` : '') +
    [inbox() ? S.item?.title : S.p?.alert.title, inbox() ? 'Inbox' : 'Preview', 'ossec-notify']
      .filter(Boolean)
      .join(' · ')
      .replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
  doc.body.dataset.face = S.at.face;
  t.ariaLabel = t.title = 'Theme: ' + theme;
  show(t, icon(theme));
}

// --- The list

const source = () => S.state.sources?.find(s => s.id === S.at.source);
function list() {
  const s = source();
  const counts = S.inbox?.counts || {};
  const total = Object.values(counts).reduce((a, b) => a + b, 0);
  const at = S.rows.findIndex(r => r.id === S.at.alert);
  const rows = inbox() ? arrivals() : S.rows.map(alert);
  rail.ariaLabel = inbox() ? 'Arrivals' : 'Alerts';
  if (inbox()) {
    show(
      $('#filters'),
      [['', total], ...Object.entries(counts)].map(([c, n]) =>
        button('channel', [c ? called(c) : 'All', ` ${n}`], {$id: c, 'aria-pressed': S.at.channel === c}),
      ),
    );
    show($('#pause'), S.held ? `Show ${S.held} new` : S.paused ? 'Go on' : 'Pause');
    $('#pause').ariaPressed = !!S.paused;
    show($('#clear'), S.clear ? `Forget all ${total}?` : 'Clear');
    $('#clear').disabled = !total;
  } else {
    show(
      $('#source'),
      S.state.sources.map(o => h('option', {value: o.id}, o.name)),
    );
    $('#source').value = S.at.source;
    show($('#count'), s && num(s.count));
    show($('#steps .link'), S.p?.alert.title || 'Alerts');
    show($('#steps span'), `${at < 0 ? '–' : at + 1} of ${s?.count}`);
  }
  show(
    $('#list'),
    !inbox() &&
      h(
        'ul.unread',
        {$key: 'unread'},
        (s?.problems || []).map(p => h('li', h('b', place(p)), ' ', p.text)),
      ),
    h(
      'ul',
      {$key: 'rows' + S.at.face},
      rows,
      S.next && h('li.more', {$key: 'more'}, button('more', inbox() ? 'Older ones' : '200 more')),
    ),
    !rows.length &&
      h(
        'p.empty',
        {$key: 'empty'},
        S.q || S.at.channel
          ? 'Nothing here fits the filter.'
          : inbox()
            ? 'Nothing arrived yet.'
            : s?.empty || 'No alerts: pass a file, or paste one.',
      ),
  );
}
const row = (x, at, cls, ...kids) =>
  h(
    'a.row' + cls,
    {href: address(at), $do: 'open', $id: x.id, 'aria-current': x.id === S.at[inbox() ? 'item' : 'alert'] || null},
    kids,
  );
const alert = r =>
  h(
    'li',
    {$key: r.id},
    row(
      r,
      {alert: r.id, card: '', to: ''},
      '',
      bars(r.severity),
      h('span.t', r.title),
      h('span.m', vh(r.severity + ', '), dots(...what(r), r.agent)),
      h(
        'span.e',
        (r.changed || S.changed.has(r.id)) && h('span.pm', '±', vh(' changed by the save, ')),
        r.told ? r.told + ' told' : 'nobody',
      ),
    ),
  );
// arrivals are the rows of the inbox: what answers, edits or joins another one stands below it.
function arrivals() {
  const below = Object.groupBy(S.items, i => (S.items.some(o => o.id === i.of) ? i.of : ''));
  const rows = [];
  const add = (of, deep) =>
    deep < 5 &&
    below[of]?.forEach(i => {
      rows.push(
        h(
          'li' + (deep ? '.deep' : ''),
          {$key: i.id},
          row(
            i,
            {item: i.id},
            i.unread ? '.item.new' : '.item',
            tile(i.channel),
            h('span.t', i.unread && vh('unread: '), i.title),
            h('span.e', clock(i.at)),
            h('span.m', vh(called(i.channel) + ' '), i.receiver, i.joined && `, joined by ${plural(i.joined, 'repeat')}`),
            h('span.a' + (i.ok ? '' : '.refused'), i.status, ' ', i.word),
          ),
        ),
      );
      add(i.id, deep + 1);
    });
  add('', 0);
  return rows;
}

// --- The preview

function face() {
  hideTip();
  show(main, inbox() ? arrival() : preview());
  const cols = $$('#cards > .col');
  const pick = $('#against');
  const height = c => [...c.children].reduce((sum, x) => sum + (x.matches('.unset') ? 0 : x.offsetHeight + 18), 0);
  for (const e of $$('#cards .unset')) {
    // comes for the first time: into the shortest column
    const all = cols.map(height);
    const i = (S.col[e.dataset.col] = all.indexOf(Math.min(...all)));
    e.classList.remove('unset');
    cols[i].append(e);
  }
  if (pick) pick.value = S.at.against || 'before';
  bar();
  if (!inbox()) list();
}
function preview() {
  const p = S.p;
  const e = S.error;
  if (!p)
    return [
      trouble(),
      h(
        'section.panel.none',
        {$key: 'none'},
        h('h1', e ? 'This alert can’t be shown' : 'No alert chosen'),
        h('p', e ? e.message + e.hint : source()?.empty || 'Choose one of the list, or paste one.'),
      ),
    ];
  const a = p.alert;
  const key = k => ({tabindex: -1, $key: k + a.id});
  const cards = p.cards || [];
  const not = p.not_told || [];
  const n = columns();
  const all = [...cards.map(c => card(c, c.route ? '' : 'asked')), ...(p.gone || []).map(c => card(c, 'gone'))];
  if (S.colFor !== a.id + n) {
    S.col = {};
    S.colFor = a.id + n;
  }
  for (const e of all) if (S.col[e.dataset.col] == null && n > 1) e.classList.add('unset');
  return [
    h(
      'section.head',
      key('head'),
      h('p.sev', bars(a.severity), h('b', a.severity || 'unknown'), ' ', dots(...what(a), a.time)),
      h('h1', a.title),
      h(
        'span.ends',
        !S.state.changed && !p.against_rev && S.state.config.path && button('running', 'Compare with what runs'),
        button('original', 'Original', {'aria-expanded': !!S.original, 'aria-controls': 'original'}),
      ),
      h(
        'dl.facts',
        (a.facts || []).map(f => h('div', h('dt', f.label), ' ', h('dd', drawn(f.value)))),
      ),
      h('div', {role: 'alert'}, S.note && h('p.sub', S.note)),
      h('div', {id: 'original'}, S.original && draw(a.original)),
    ),
    p.nobody
      ? h(
          'section.panel.nobody',
          key('nobody'),
          h('h2', icon('warn'), p.nobody.title),
          h('p', drawn(p.nobody.reason)),
          routes(p),
          p.nobody.paste && [
            h('p', 'To tell somebody, add to ', h('b', base(S.state.config.path) || 'the config'), ':'),
            h('pre.n-pre', p.nobody.paste),
            copy('Copy', p.nobody.paste),
          ],
        )
      : h('section.panel.told', key('told'), h('h2.vh', 'Who is told'), h('p', drawn(p.told)), routes(p)),
    trouble(),
    strip(p),
    h(
      'nav.jump',
      {'aria-label': 'Receivers', ...key('jump')},
      cards.map(c => to(c.receiver, icon(c.channel))),
      not.length > 0 && button('nottold', not.length + ' not told'),
    ),
    h(
      'div',
      {id: 'cards', ...key('cards')},
      [...Array(n).keys()].map(i =>
        h(
          'div.col',
          {$key: 'col' + i},
          all.filter(e => (S.col[e.dataset.col] || 0) === i),
        ),
      ),
    ),
    not.length > 0 &&
      h(
        'details.panel.nottold',
        {open: not.length < 9 || null, ...key('not')},
        h('summary', h('h2', 'Not told: ', plural(not.length, 'receiver'))),
        h(
          'ul',
          not.map(r =>
            h(
              'li',
              {$key: r.receiver},
              h('b', r.receiver),
              h('span', drawn(r.reason)),
              link('see', ['see its message', vh(' to ' + r.receiver)], {
                $r: r.receiver,
                'aria-pressed': S.at.to === r.receiver,
              }),
            ),
          ),
        ),
      ),
  ];
}
const copy = (label, text, props) => button('copy', label, {$text: text, ...props});
const to = (r, i) => h('a.chip', {href: '#' + encodeURIComponent(r), $do: 'jump', $r: r}, i, r);
const verdicts = {takes: ['yes', 'takes it: '], misses: ['no', 'does not match: '], unasked: ['skip', 'not asked: ']};
function routes({routes: all = []}) {
  const far = all.filter(r => r.far || r.verdict === 'unasked');
  const fold = all.length > 8 && far.length;
  return [
    h(
      'ol.routes',
      all
        .filter(r => !fold || S.all || !far.includes(r))
        .map(r => {
          const [i, words] = verdicts[r.verdict];
          const e = h(
            'li',
            {class: r.verdict, $key: 'r' + r.route},
            h('span.v', icon(i), vh(words)),
            h('code', r.route),
            h(
              'span.why',
              drawn(r.reason),
              (r.notes || []).map(n => h('span.note', n)),
            ),
            h('span.to', i === 'yes' && r.to.map(t => to(t))),
          );
          e.style.paddingInlineStart = Math.min(r.depth || 0, 6) * 16 + 'px';
          return e;
        }),
    ),
    fold > 0 && link('fold', S.all ? 'Fewer' : fold + ' more', {'aria-expanded': !!S.all}),
  ];
}

function trouble() {
  const s = S.state;
  const bad = s.config?.errors || [];
  const all = broken();
  const since = s.changed ? ` since ${clock(s.changed.at)}.` : '.';
  const rest = s.templates?.length - new Set(all.map(p => p.file)).size;
  const at = p => place(p) && copy('Copy place', place(p));
  return (
    (bad.length || all.length) &&
    h(
      'section.strip.bad',
      {'aria-label': 'Trouble', tabindex: -1, $key: 'trouble'},
      bad.length &&
        h(
          'p',
          icon('warn'),
          h(
            'span',
            h('b', base(s.config.path)),
            ` has ${plural(bad.length, 'mistake')}${since} Shown with the one that loaded at ${clock(s.config.loaded_at)}.`,
          ),
        ),
      bad.map(p => problem(p, at(p))),
      all.map(p => {
        const hit = (S.p?.cards || []).filter(c => c.problems?.some(x => place(x) === place(p)));
        return [
          h(
            'p',
            {$key: 't' + place(p) + p.text},
            icon('warn'),
            h(
              'span',
              h('b', near(p)),
              ` has an error${since} `,
              hit.length && [
                hit.map((c, i) => [i && ', ', h('b', c.receiver)]),
                hit.length > 1 ? ' get' : ' gets',
                ' the default message',
                rest && `; of the other templates ${rest} ${rest > 1 ? 'are' : 'is'} fine`,
                '.',
              ],
            ),
            hit.length && h('span.ends', button('trouble', 'Go to it', {$place: place(p)}), at(p)),
          ),
          !hit.length && problem(p, at(p)),
        ];
      }),
    )
  );
}
const touched = p => [...(p.cards || []).filter(c => c.changed || c.new), ...(p.gone || [])].length;
function strip(p) {
  const c = S.state.changed;
  const n = touched(p);
  const i = c?.impact;
  const against = S.at.against || 'before';
  const choices = {before: 'the save before', start: 'the start', running: 'the running config'};
  if ((!c && !p.against_rev) || (!n && S.state.config.errors.length)) return '';
  choices[against] ??= 'save ' + against;
  return h(
    'section.strip.plus',
    {'aria-label': 'Changes', tabindex: -1, $key: 'strip'},
    h(
      'p',
      icon('diff'),
      h(
        'span',
        against === 'before' && c ? [h('b', saved()), ` saved ${clock(c.at)}. It changes `] : 'Since then it changes ',
        n ? [h('b', `${n} of ${p.cards.length + (p.gone || []).length}`), ' messages here'] : 'no message here',
        i && [
          i.changed
            ? [n ? ', and messages of ' : ', but messages of ', h('b', `${num(i.changed)} of ${num(i.looked)}`), ' alerts']
            : ', and none of ' + plural(i.looked, 'alert'),
          i.looked < i.of ? ' checked so far' : ' in this list',
        ],
        '.',
      ),
      h(
        'span.ends',
        h(
          'label.pick',
          vh('Compare with'),
          h(
            'select',
            {id: 'against'},
            Object.entries(choices).map(([value, l]) => h('option', {value}, 'Against ', l)),
          ),
        ),
        button('diff', 'Differences', {'aria-pressed': S.diff}),
        button('change', icon('left'), {$by: -1, 'aria-label': 'Previous change'}),
        button('change', icon('right'), {$by: 1, 'aria-label': 'Next change'}),
      ),
    ),
  );
}

const viewOf = (channel, all = []) => all.find(v => v.id === S.view[channel]) || all[0];
const views = (channel, all = [], chosen) =>
  h(
    'div.seg',
    {role: 'group', 'aria-label': 'Views'},
    all.map(v => button('view', v.label, {$channel: channel, $id: v.id, 'aria-pressed': v === chosen})),
  );
const tag = (kind, i, ...kids) => h('li', {class: 'tag ' + kind}, icon(i), h('span', kids));
function card(c, how) {
  const v = viewOf(c.channel, c.views);
  const {neutralised: marks, mentions = []} = c.marks;
  const by = kind => (c.problems || []).filter(p => p.kind === kind);
  const bad = by('template');
  const secret = by('secret');
  const cut = (c.limits || []).filter(l => l.cut);
  const raw = ['request', 'source'].includes(v?.id);
  return h(
    'article.card',
    {
      class: 'card ' + how,
      tabindex: -1,
      'aria-label': c.receiver,
      $key: `card ${how} ${c.receiver} ${S.p.alert.id}`,
      $col: how + c.receiver,
      $r: c.receiver,
      $curl: c.curl,
    },
    h(
      'header',
      tile(c.channel),
      h(
        'div.name',
        h('h2', c.receiver),
        h(
          'p',
          dots(c.where || called(c.channel), c.route && [!/^(always|default)$/.test(c.route) && 'route ', h('b', c.route)]),
        ),
      ),
      views(c.channel, c.views, v),
    ),
    h(
      'div.in',
      h(
        'ul.tags',
        how === 'gone'
          ? tag('del', 'diff', 'no longer told')
          : how
            ? tag('', 'skip', 'not told: seen because you asked')
            : c.new
              ? tag('plus', 'diff', 'new by this save')
              : c.changed && tag('plus', 'diff', 'changed by this save'),
        bad.length && tag('bad', 'warn', 'template error'),
        secret.length && tag('warn', 'key', 'secret missing: can be seen, can’t be sent'),
        cut.length
          ? cut.map(l => tag('bad', 'cut', `cut: ${num(l.cut)} ${l.unit}`))
          : by('limit').map(p => tag('bad', 'cut', p.text)),
        marks > 0 && tag('mark', 'shield', plural(marks, 'place'), ' neutralised'),
        mentions.length
          ? tag('', 'at', 'mentions ', mentions.join(', '), ', written in ', c.template)
          : marks > 0 && c.channel === 'slack' && tag('', 'at', 'mentions nobody'),
      ),
      bad.map(p => problem(p)),
      bad.length && h('p.sub', 'Until it is mended, ', h('b', c.receiver), ' gets the default message:'),
      secret.map(p => h('p.sub', p.text, ' ', p.hint, ' ', h('u', near(p)))),
      by('error').map(p => problem(p)),
      look(v, c),
    ),
    h(
      'footer',
      meters(c.limits || []),
      raw && c.copy && copy([icon('copy'), 'Copy body'], c.copy, {class: 'link'}),
      raw && c.curl && copy([icon('copy'), 'Copy as curl'], c.curl, {class: 'link'}),
      c.template && link('view', c.template, {class: 'link end', $channel: c.channel, $id: 'template'}),
    ),
  );
}
const look = (v, c) =>
  v &&
  h(
    'div',
    {class: 'view ' + c.channel, $key: 'v' + v.id, $view: v.id},
    drawn(v.draw),
    v.frame && [
      h('iframe' + (S.dark ? '.dark' : ''), {
        sandbox: '',
        src: '/frame/' + encodeURIComponent(v.frame),
        title: 'The mail as HTML',
      }),
      link('mail', 'As where dark is preferred', {'aria-pressed': !!S.dark}),
    ],
  );
function meters(all) {
  const one = l => {
    const full = l.cut || l.n > l.of ? 'bad' : l.n >= l.of * 0.9 ? 'warn' : '';
    const at = h('i');
    at.style.width = Math.min(100, (l.n / (l.of || 1)) * 100) + '%';
    return h(
      'span',
      {class: 'meter ' + full},
      l.name,
      ' ',
      h('span.track', at),
      ' ',
      h('b', num(l.n)),
      ` of ${num(l.of)}${/^char/.test(l.unit) ? '' : ' ' + l.unit}`,
      full && (full === 'bad' ? ', cut' : ', near'),
    );
  };
  return [
    all.slice(0, 2).map(one),
    all.length > 2 && h('details.limits', h('summary', '+', plural(all.length - 2, 'limit')), all.slice(2).map(one)),
  ];
}

// --- The inbox

function arrival() {
  const i = S.item;
  const box = S.inbox || {};
  const checks = i?.checks || [];
  if (!i) {
    return h(
      'section.panel.none',
      {$key: 'none'},
      h('h1', S.error ? 'This one is gone' : S.items.length ? 'Choose an arrival' : S.inbox ? 'Nothing arrived yet' : 'Inbox'),
      S.error && h('p', S.error.message, S.error.hint),
      h('p', 'The stand-ins listen here:'),
      h(
        'dl.addresses',
        (box.addresses || []).map(a =>
          h(
            'div',
            h('dt', called(a.channel)),
            h(
              'dd',
              h('code', a.url),
              ' ',
              copy('Copy', a.url, {class: 'link', 'aria-label': 'Copy the address for ' + a.channel}),
            ),
          ),
        ),
      ),
      box.example && [h('p', 'Try one:'), h('pre.n-pre', box.example), copy('Copy', box.example)],
    );
  }
  const v = viewOf('inbox', i.views);
  return h(
    'article.card',
    {tabindex: -1, $key: 'in' + i.id, 'aria-label': i.title},
    h(
      'header',
      tile(i.channel),
      h(
        'div.name',
        h('h1', i.title),
        h(
          'p',
          h('b', i.receiver),
          ' · ',
          called(i.channel),
          ` stand-in · ${clock(i.at)} · `,
          h('span', {class: i.ok ? 'fine' : 'refused'}, i.status, ' ', i.word),
        ),
      ),
      views('inbox', i.views, v),
    ),
    h(
      'div.in',
      !i.ok &&
        h(
          'div.problem',
          h(
            'p',
            h(
              'span',
              h('u', i.status, ' ', i.word),
              checks.map(c => !c.ok && h('b', c.text, ' ')),
            ),
          ),
        ),
      i.joined && h('p.sub', plural(i.joined, 'repeat'), ' joined this incident.'),
      h('h2.vh', 'The message'),
      look(v, i),
      i.ok &&
        h(
          'ul.checks',
          checks.map(c => h('li.fine', icon('yes'), vh('right: '), h('span', c.text))),
        ),
    ),
  );
}

// --- What hovering or focus explains

const tricks = {
  mention: 'would have called people',
  link: 'would have been a link with a false name',
  markup: 'would have changed how the message looks',
  control: 'would have changed what the screen shows',
  url: 'could have been clicked',
};
let tipFor;
let leaving;
function showTip(e) {
  const d = e.dataset;
  const r = e.getBoundingClientRect();
  tipFor = e;
  show(
    tip,
    d.url != null
      ? [h('b', 'Link'), ' to ', h('code', d.url), '. It leads nowhere here.']
      : [
          h('b', [d.from, d.at].filter(Boolean).join(', ') || 'Alert text'),
          '. Was ',
          h('code', d.was || e.textContent),
          ': ',
          tricks[d.n],
          '. Sent as the words you see.',
        ],
  );
  tip.hidden = false;
  tip.style.left = Math.max(8, Math.min(r.left, innerWidth - tip.offsetWidth - 8)) + scrollX + 'px';
  tip.style.top = (r.bottom + tip.offsetHeight + 12 < innerHeight ? r.bottom + 4 : r.top - tip.offsetHeight - 4) + scrollY + 'px';
}
function hideTip() {
  tip.hidden = true;
  tipFor = null;
}
const light = ({target: t}) => {
  const r = t.closest('[data-r]')?.dataset.r;
  $$('[data-r]').forEach(e => e.classList.toggle('lit', e.dataset.r === r));
};
on('pointerover', e => {
  const m = e.target.closest('mark,.lnk');
  clearTimeout(leaving);
  if (m) showTip(m);
  else if (tipFor && tipFor !== doc.activeElement && !e.target.closest('#tip')) leaving = setTimeout(hideTip, 150);
  light(e);
});
on('focusin', e => {
  if (e.target.matches('mark,.lnk')) showTip(e.target);
  else hideTip();
  light(e);
});

// --- What can be done

const say = s => {
  $('#say').textContent = s;
};
const cry = s => {
  $('#cry').textContent = s;
};
const cards = () => $$('.card', main);
const cardOf = r => cards().find(c => c.dataset.r === r);
const held = () => doc.activeElement.closest('.card');
const current = () => held() || cardOf(S.at.card) || cards()[0];
function focus(e, block = 'start') {
  e?.focus({preventScroll: true});
  e?.scrollIntoView({block});
}
function walk(all, by) {
  const at = all.indexOf(doc.activeElement);
  const next = all[at < 0 && by < 0 ? all.length - 1 : at + by];
  const closed = next?.closest('details:not([open])');
  if (closed) closed.open = true;
  focus(next, 'center');
  return next;
}
async function choose(id) {
  railbox.close();
  go(inbox() ? {item: id} : {alert: id, card: '', to: ''});
  list();
  $('.row[aria-current]').scrollIntoView({block: 'nearest'});
  if (!inbox()) {
    scrollTo(0, 0);
    return loadPreview();
  }
  await loadItem();
  if (narrow.matches) focus($('.card'));
}
async function step(by) {
  const ids = inbox() ? $$('.row').map(e => e.dataset.id) : S.rows.map(r => r.id);
  const at = ids.indexOf(S.at[inbox() ? 'item' : 'alert']) + by;
  if (at >= ids.length && S.next) {
    await acts.more();
    return step(by);
  }
  if (ids[at] != null) choose(ids[at]);
}
async function start() {
  const sources = S.state.sources || [];
  if (!source()) S.at.source = (sources.find(s => s.count) || sources[0])?.id;
  bar();
  list();
  await Promise.all(inbox() ? [loadInbox(), loadItem()] : [loadList(), S.at.alert && loadPreview()]);
  if (S.at.card) focus(cardOf(S.at.card));
}
function restart() {
  S.q = $('#q').value = $('#qi').value = '';
  S.rows = [];
  S.items = [];
  S.p = S.item = null;
  return start();
}
function setView(channel, id) {
  S.view[channel] = id;
  keep('view', S.view);
  face();
}
const toggle = k => () => {
  S[k] = !S[k];
  face();
};
const acts = {
  skip: () => focus(main),
  close: e => e.closest('dialog').close(),
  open: e => choose(e.dataset.id),
  step: e => step(+e.dataset.by),
  more: () => (inbox() ? loadInbox(true) : loadList(true)),
  original: toggle('original'),
  fold: toggle('all'),
  mail: toggle('dark'),
  diff: toggle('diff'),
  view: e => setView(e.dataset.channel, e.dataset.id),
  face({dataset: {face}}) {
    go({face, card: ''});
    restart();
  },
  theme() {
    const all = ['system', 'light', 'dark'];
    const next = all[(all.indexOf(load('theme', 'system')) + 1) % 3];
    keep('theme', next);
    bar();
    say('Theme: ' + next);
  },
  help() {
    $('#letters').checked = load('letters', true);
    $('#help').showModal();
  },
  paste() {
    $('#paste-e').textContent = '';
    $('#paste').showModal();
    $('#paste-t').focus();
  },
  async pasted() {
    try {
      const {alerts} = await ask('/api/paste', {method: 'POST', body: $('#paste-t').value});
      $('#paste-t').value = '';
      $('#paste').close();
      await loadState();
      go({source: 'pasted', alert: alerts[0], card: '', to: ''});
      restart();
    } catch (e) {
      $('#paste-e').textContent = e.message + e.hint;
    }
  },
  rail() {
    railbox.append(rail);
    railbox.showModal();
    $('.row[aria-current]', rail)?.focus();
  },
  nottold() {
    $('.nottold').open = true;
    focus($('.nottold'));
  },
  jump({dataset: {r}}) {
    go({card: r}, true);
    focus(cardOf(r));
  },
  running() {
    go({against: 'running'}, true);
    loadPreview();
  },
  async see({dataset: {r}}) {
    go({to: S.at.to === r ? '' : r}, true);
    await loadPreview();
    focus($('.asked'));
  },
  trouble: e =>
    focus(
      $$('.card .problem').find(p => p.dataset.place === e.dataset.place),
      'center',
    ),
  change({dataset: {by}}) {
    if (walk($$('#cards :is(ins,del)'), +by)) return;
    const at = S.rows.findIndex(r => r.id === S.at.alert);
    const hit = r => r.changed || S.changed.has(r.id);
    const next = by > 0 ? S.rows.slice(at + 1).find(hit) : S.rows.slice(0, Math.max(at, 0)).findLast(hit);
    if (next) choose(next.id);
    else say('No further change in this list');
  },
  async copy(e) {
    try {
      await navigator.clipboard.writeText(e.dataset.text);
      say('Copied');
    } catch {
      say('The browser did not let the page copy');
    }
  },
  channel(e) {
    go({channel: e.dataset.id}, true);
    loadInbox();
  },
  pause() {
    S.paused = !S.paused;
    if (S.paused) list();
    else loadInbox();
  },
  async clear() {
    S.clear = !S.clear;
    if (S.clear) return list();
    await ask('/api/inbox', {method: 'DELETE'});
    S.state.unread = 0;
    S.item = null;
    go({item: ''}, true);
    loadInbox();
  },
};
on('click', e => {
  const el = e.target.closest('[data-do]');
  if (S.clear && el?.id !== 'clear') {
    S.clear = false;
    list();
  }
  if (!el || (el.href && (e.ctrlKey || e.metaKey || e.shiftKey))) return;
  e.preventDefault();
  acts[el.dataset.do](el);
});
on('change', ({target: t}) => {
  if (t.id === 'source') {
    go({source: t.value, alert: '', card: '', to: ''});
    restart();
  }
  if (t.id === 'against') {
    go({against: t.value === 'before' ? '' : t.value}, true);
    loadPreview();
  }
  if (t.id === 'letters') keep('letters', t.checked);
});
let typing;
let wide = columns();
on('input', ({target: t}) => {
  if (t.type !== 'search') return;
  clearTimeout(typing);
  typing = setTimeout(() => {
    S.q = t.value;
    if (inbox()) loadInbox();
    else loadList();
  }, 120);
});
on(
  'close',
  () => {
    $('#layout').prepend(rail);
    $('#steps .link').focus();
  },
  railbox,
);
on(
  'resize',
  () => {
    if (!narrow.matches) railbox.close();
    if (columns() !== wide) {
      wide = columns();
      face();
    }
  },
  window,
);
on(
  'popstate',
  () => {
    read();
    start();
  },
  window,
);

// --- Keys

const by = n => ({dataset: {by: n}});
const both = {
  j: () => step(1),
  k: () => step(-1),
  t: acts.theme,
  '?': acts.help,
  '/'() {
    if (narrow.matches && !inbox()) acts.rail();
    $(inbox() ? '#qi' : '#q').focus();
  },
  v() {
    const all = $$('header .seg button', current());
    const next = all[(all.findIndex(b => b.matches('[aria-pressed=true]')) + 1) % all.length];
    if (next) acts.view(next);
  },
  i() {
    $('#faces a:not([hidden], [aria-current])')?.click();
  },
};
const keys = {
  ...both,
  '[': () => byCard(-1),
  ']': () => byCard(1),
  d: acts.diff,
  n: () => acts.change(by(1)),
  N: () => acts.change(by(-1)),
  m: () => walk($$('mark', main), 1),
  M: () => walk($$('mark', main), -1),
  e: acts.fold,
  o: acts.original,
  p: acts.paste,
  c() {
    const text = current()?.dataset.curl;
    if (text) acts.copy({dataset: {text}});
  },
};
function byCard(by) {
  const all = cards();
  const at = all.indexOf(held());
  focus(all[Math.max(0, Math.min(all.length - 1, at + by))]);
}
on('keydown', e => {
  if (e.key === 'F6') {
    const all = $$('#bar, #layout > #rail, main > *').filter(e => e.offsetParent);
    const at = all.findIndex(x => x.contains(doc.activeElement));
    e.preventDefault();
    return focus(all[(at + 1) % all.length], 'nearest');
  }
  if (e.key === 'Escape') {
    hideTip();
    if (S.clear) {
      S.clear = false;
      list();
    }
  }
  if (
    e.ctrlKey ||
    e.metaKey ||
    e.altKey ||
    e.target.matches('textarea,select,input:not([type=checkbox])') ||
    $('dialog[open]') ||
    !load('letters', true)
  )
    return;
  const known = inbox() ? both : keys;
  const f = /^[1-9]$/.test(e.key) ? () => focus(cards()[e.key - 1]) : Object.hasOwn(known, e.key) && known[e.key];
  if (f) {
    e.preventDefault();
    f();
  }
});

// --- What the server says by itself: only that there is something to look at

let events;
let again;
let soon;
function off() {
  events?.close();
  events = null;
}
function connect() {
  clearTimeout(again);
  if (events || doc.hidden) return;
  events = new EventSource('/events');
  const hear = (kind, f) => on(kind, e => f(JSON.parse(e.data)), events);
  hear('hello', m => {
    if (m.instance !== S.state.instance) return location.reload();
    S.up = true;
    if (m.rev !== S.state.rev || m.unread !== S.state.unread) lookAgain();
    bar();
  });
  hear('change', lookAgain);
  hear('impact', m => {
    if (S.state.changed) S.state.changed.impact = m;
    S.changed = new Set(m.ids);
    if (inbox()) bar();
    else face();
  });
  hear('read', m => {
    S.state.unread = m.unread;
    const row = S.items.find(i => i.id === m.item);
    if (row) row.unread = false;
    if (inbox()) list();
    bar();
  });
  hear('arrived', m => {
    S.state.unread = m.unread;
    bar();
    if (S.paused) {
      S.held++;
      list();
    } else if (inbox()) {
      clearTimeout(soon);
      soon = setTimeout(loadInbox, 50);
    }
  });
  hear('bye', () => {
    off();
    offline('Ended in the terminal. Start it there again.');
    again = setTimeout(connect, 3000);
  });
  events.onerror = () => {
    if (S.up) offline('Reconnecting');
    if (events?.readyState !== EventSource.CLOSED) return;
    off();
    again = setTimeout(connect, 3000);
    loadState().catch(() => {});
  };
}
async function lookAgain() {
  const before = JSON.stringify(faulty());
  S.changed = new Set();
  await loadState();
  if (inbox()) return loadInbox();
  const [p] = await Promise.all([loadPreview(), loadList()]);
  const bad = faulty();
  if (bad.length && JSON.stringify(bad) !== before) cry(bad.map(p => `${place(p)}: ${p.text}`).join('. '));
  else if (S.state.changed && p) say(`${saved()} saved. It changes ${plural(touched(p), 'message')} here.`);
}
on('visibilitychange', () => (doc.hidden ? off() : connect()));

read();
start().catch(e => offline(e.message));
connect();
