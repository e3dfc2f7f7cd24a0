// Sorting on top of a table that is complete without it.
for (const table of document.querySelectorAll('table.sortable')) {
  const heads = table.tHead.rows[table.tHead.rows.length - 1].cells, body = table.tBodies[0];
  const key = cell => 'sort' in cell.dataset ? (cell.dataset.sort === 'inf' ? Infinity : Number(cell.dataset.sort)) : null;
  [...heads].forEach((head, column) => {
    const button = document.createElement('button');
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const up = head.getAttribute('aria-sort') !== 'ascending', rows = [...body.rows];
      const numbers = rows.some(row => key(row.cells[column]) !== null);
      rows.sort((a, b) => {
        const [x, y] = [a.cells[column], b.cells[column]];
        if (!numbers) return (up ? 1 : -1) * x.textContent.localeCompare(y.textContent);
        const [p, q] = [key(x), key(y)];
        if (p === null || q === null) return (p === null) - (q === null);
        return p === q ? 0 : (up ? 1 : -1) * (p < q ? -1 : 1);
      });
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      body.append(...rows);
    };
  });
}
