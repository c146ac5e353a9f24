/** One item of `transformations`, its name and options apart. */
export interface TransformationItem {
  type: string;
  options: Record<string, unknown>;
}

export function itemsOf(transformations: unknown): TransformationItem[] {
  return (transformations as (string | Record<string, unknown>)[]).map((item) => {
    if (typeof item === 'string') return { type: item, options: {} };
    const { type, ...options } = item;
    return { type: type as string, options };
  });
}

/** Which upstream table a list of transformations starts from, and which the first takes besides. */
export interface Start {
  id: string;
  /** For the one join or union that names no `with`. */
  others: string[];
}

/**
 * Finds the start of a list of transformations among several upstream tables: `input` when given, else the first
 * table that no `with` names. What is left must be taken by a join (one table) or a union (any number) without
 * `with`, so that no upstream table is forgotten by mistake.
 * @returns a message when it does not work out
 */
export function startOf(
  items: readonly TransformationItem[],
  tables: readonly string[],
  input: string | undefined,
): Start | string {
  const named = new Set(items.flatMap(({ options }) => [options['with'] ?? []].flat() as string[]));
  const unknown = [...named, ...(input === undefined ? [] : [input])].find((id) => !tables.includes(id));
  if (unknown !== undefined)
    return `'${unknown}' is not an input of this node (inputs: ${tables.join(', ')})`;
  const free = tables.filter((id) => !named.has(id));
  const id = input ?? free[0];
  if (id === undefined)
    return 'every upstream table is named in a with; say with input which one to start from';
  const others = free.filter((table) => table !== id);
  const takers = items.filter(({ type, options }) => TAKERS.has(type) && options['with'] === undefined);
  if (takers.length > 1) return `name the tables of each ${takers[1]!.type} in its with`;
  const [taker] = takers;
  if (taker && others.length === 0) return `the ${taker.type} has no other table; add an edge to this node`;
  if (taker?.type === 'join' && others.length > 1) {
    return `name the table to join in with (one of ${others.join(', ')})`;
  }
  if (!taker && others.length > 0) {
    return `nothing uses the input ${others.map((other) => `'${other}'`).join(', ')}; add a join or union`;
  }
  return { id, others };
}

const TAKERS = new Set(['join', 'union']);

/** The tables that SQL and expressions may name: the upstream nodes, and `input` when there is just one. */
export const namesInSql = (ids: readonly string[]): string[] =>
  ids.length === 1 ? [...ids, 'input'] : [...ids];
