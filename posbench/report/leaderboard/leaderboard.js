// Filters and highlights on top of a page that is complete without them; the fragment keeps them: #task=2&length=8×&only=bias.
const views = JSON.parse(document.getElementById('views').textContent), controls = document.getElementById('controls');
const [task, length, only] = ['task', 'length', 'mechanism'].map(name => document.getElementById(name));
const board = document.querySelector('#board table'), body = board.tBodies[0], rows = [...body.rows];
const usual = [task.value, length.value];

function put(cell, found) {
  // Text of a score, its interval below, and both as a mark on the line from chance to faultless.
  const [text, small, sort, a, b] = found || ['—', '', null];
  const value = cell.querySelector('.v'), mark = cell.querySelector('.iv');
  value.textContent = text;
  cell.querySelector('small').textContent = small;
  mark.hidden = sort === null;
  if (sort === null) delete cell.dataset.sort; else {
    cell.dataset.sort = sort;
    for (const [name, x] of [['--a', a], ['--b', b], ['--m', sort]]) mark.style.setProperty(name, `${100 * Math.min(1, Math.max(0, x))}%`);
  }
}

function show() {
  const view = views[`${task.value}|${length.value}`] || {}, at = views[`${task.value}|1×`] || {};
  let shown = 0;
  for (const row of rows) {
    const own = (view.places || {})[row.dataset.e], there = (at.places || {})[row.dataset.e];
    const [rank, group, score, training] = ['rank', 'group', 'score', 'at'].map(name => row.querySelector(`[data-k=${name}]`));
    rank.textContent = own ? own.rank : '—';
    if (own) rank.dataset.sort = own.place; else delete rank.dataset.sort;
    group.textContent = own ? own.letters : '';
    put(score, own && own.score);
    if (training) put(training, there && there.score);
    row.classList.toggle('out', !own);
    row.hidden = only.value && row.dataset.mechanism !== only.value;
    shown += !row.hidden;
  }
  rows.sort((a, b) => place(a) - place(b));
  body.append(...rows);
  for (const head of board.tHead.querySelectorAll('th')) head.removeAttribute('aria-sort');
  document.getElementById('about').textContent = view.note || 'Nobody has these cells.';
  document.querySelector('#board [data-h=score]').textContent = length.selectedOptions[0].textContent;
  document.getElementById('count').textContent = `${shown} of ${rows.length} encodings`;
  for (const panel of document.querySelectorAll('[data-task]')) panel.hidden = task.value && panel.dataset.task !== task.value;
}

function place(row) {
  const cell = row.querySelector('[data-k=rank]');
  return 'sort' in cell.dataset ? Number(cell.dataset.sort) : Infinity;
}

function highlight(index, on) {
  for (const mark of document.querySelectorAll(`[data-e="${index}"]`)) {
    mark.classList.toggle('on', on);
    if (mark.matches('button')) mark.setAttribute('aria-pressed', on);
    if (on && mark.matches('g')) mark.parentNode.append(mark);
  }
}

function keep() {
  const found = new URLSearchParams();
  if (task.value !== usual[0]) found.set('task', task.value);
  if (length.value !== usual[1]) found.set('length', length.value);
  if (only.value) found.set('only', only.value);
  history.replaceState(null, '', found.size ? `#${found}` : location.pathname + location.search);
  show();
}

function restore() {
  const found = new URLSearchParams(location.hash.slice(1));
  for (const [select, name, other] of [[task, 'task', usual[0]], [length, 'length', usual[1]], [only, 'only', '']]) {
    select.value = found.get(name) ?? other;
    if (select.selectedIndex < 0) select.value = other;
  }
  show();
}

const buttons = [...document.querySelectorAll('.legend button[data-e]')];
for (const button of buttons) button.onclick = () => highlight(button.dataset.e, !button.classList.contains('on'));
for (const button of document.querySelectorAll('.legend button[data-all]')) {
  button.hidden = false;
  button.onclick = () => buttons.forEach(one => highlight(one.dataset.e, button.dataset.all === 'on'));
}
controls.hidden = false;
controls.onsubmit = event => event.preventDefault();
controls.onchange = keep;
addEventListener('hashchange', restore);
if (location.hash.includes('=')) restore(); else show();
