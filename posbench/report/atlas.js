// Search and filters on top of a page that is complete without them; the fragment keeps them: #q=rope&group=rotation.
const controls = document.getElementById('controls'), query = document.getElementById('query');
const group = document.getElementById('group'), boxes = [...controls.querySelectorAll('[name=filter]')];
const articles = [...document.querySelectorAll('article')];
const rows = new Map([...document.querySelectorAll('tr[data-of]')].map(row => [row.dataset.of, row]));

function show() {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = boxes.filter(box => box.checked).map(box => box.value);
  let shown = 0;
  for (const article of articles) {
    const has = article.dataset.filters.split('|');
    const fits = words.every(word => article.dataset.words.includes(word)) && wanted.every(name => has.includes(name))
      && (!group.value || group.value === article.dataset.group);
    article.hidden = rows.get(article.id).hidden = !fits;
    shown += fits;
  }
  for (const section of document.querySelectorAll('section.group')) {
    section.hidden = ![...section.querySelectorAll('article')].some(article => !article.hidden);
  }
  document.getElementById('nothing').hidden = shown > 0;
  document.getElementById('count').textContent = `${shown} of ${articles.length} encodings`;
}

function keep() {
  const found = new URLSearchParams();
  if (query.value) found.set('q', query.value);
  if (group.value) found.set('group', group.value);
  for (const box of boxes) if (box.checked) found.append('only', box.value);
  history.replaceState(null, '', found.size ? `#${found}` : location.pathname + location.search);
  show();
}

function restore() {
  const text = location.hash.slice(1), target = document.getElementById(decodeURIComponent(text));
  if (target) {
    // A link to one encoding shows it, whatever was searched for.
    if (target.hidden) { controls.reset(); show(); target.scrollIntoView(); }
    return;
  }
  const found = new URLSearchParams(text);
  query.value = found.get('q') || '';
  group.value = found.get('group') || '';
  if (group.selectedIndex < 0) group.value = '';
  for (const box of boxes) box.checked = found.getAll('only').includes(box.value);
  show();
}

controls.hidden = false;
controls.onsubmit = event => event.preventDefault();
controls.oninput = keep;
addEventListener('hashchange', restore);
show();
restore();
