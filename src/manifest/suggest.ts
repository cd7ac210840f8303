/** The known word that is most likely meant; undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const lower = word.toLowerCase();
  const allowed = Math.max(1, Math.floor(lower.length / 3));
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of known) {
    if (Math.abs(name.length - word.length) > allowed) continue;
    const distance = editDistance(lower, name.toLowerCase(), allowed);
    if (distance <= allowed && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from one to the other; Infinity when over `most`. */
function editDistance(from: string, to: string, most: number): number {
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = at(above, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const swapped = isSwap(from, to, i, j) ? at(before, j - 2) + 1 : replaced;
      row.push(Math.min(at(above, j) + 1, at(row, j - 1) + 1, replaced, swapped));
    }
    if (Math.min(...row) > most && Math.min(...above) > most) return Infinity;
    before = above;
    above = row;
  }
  return at(above, to.length);
}

/** Whether the two characters before `i` are the two before `j` the other way round. */
function isSwap(from: string, to: string, i: number, j: number): boolean {
  return i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}
