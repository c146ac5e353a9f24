import { NodeError } from '../node-kind.js';
import { type DuckDbSession } from '../tables/duckdb.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { itemsOf, startOf } from './items.js';
import { TRANSFORMATIONS } from './transformations/index.js';
import { type Relation } from './transformations/transformation.js';

/** How messages call a transformation: by its index in the list and its type. */
export const placeOf = (index: number, type: string): string => `transformations.${index} (${type})`;

/**
 * Stacks the transformations as views, one upon the other, so that DuckDB sees the whole chain at once and no
 * step is stored in between. Each view is bound when it is made: a wrong column is told with its step.
 * @returns the last view
 */
export async function runSteps(
  session: DuckDbSession,
  config: Record<string, unknown>,
  inputs: ReadonlyMap<string, Relation>,
): Promise<Relation> {
  const items = itemsOf(config['transformations'] ?? []);
  const start = startOf(items, [...inputs.keys()], config['input'] as string | undefined);
  if (typeof start === 'string') throw new NodeError('InvalidConfig', start, false);
  let relation = inputs.get(start.id)!;
  for (const [index, { type, options }] of items.entries()) {
    const place = placeOf(index, type);
    const { others } = start;
    const transformation = TRANSFORMATIONS.get(type)!;
    const fault = transformation.fault?.(options);
    if (fault !== undefined) throw new NodeError('InvalidConfig', `${place}: ${fault}`, false);
    // No node id has a space in it.
    const view = `step ${index}`;
    try {
      const query = await transformation.query(relation, { place, options, inputs, others, session });
      relation = { view, columns: await session.view(view, query) };
    } catch (error) {
      throw nodeErrorOf(error, place, relation.columns);
    }
  }
  return relation;
}
