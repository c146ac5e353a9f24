import { type IdPrefix, ID_PREFIXES } from '@tauro/domain';

const ID = new RegExp(`^(${ID_PREFIXES.join('|')})_[A-Za-z0-9]{1,64}$`);

/** Everything in a piece of JSON that looks like an id of one of these kinds, wherever it stands, by kind. */
export function namedIds(json: unknown, kinds: ReadonlySet<IdPrefix>): Map<IdPrefix, Set<string>> {
  const found = new Map<IdPrefix, Set<string>>();
  const rest: unknown[] = [json];
  while (rest.length > 0) {
    const value = rest.pop();
    if (typeof value === 'string') {
      // A query may hold several in a comma list.
      for (const word of value.length > 10_000 ? [] : value.split(',')) add(word.trim());
    } else if (typeof value === 'object' && value !== null) {
      for (const one of Object.values(value)) rest.push(one);
    }
  }
  return found;

  function add(text: string): void {
    const kind = ID.exec(text)?.[1] as IdPrefix | undefined;
    if (kind === undefined || !kinds.has(kind)) return;
    const known = found.get(kind);
    if (known) known.add(text);
    else found.set(kind, new Set([text]));
  }
}
