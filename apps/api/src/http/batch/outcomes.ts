import { DomainError, type ErrorDetail } from '@tauro/domain';
import { refuseForeign } from '../../auth/scope/refuse-foreign.js';
import { storeError } from '../store-errors.js';

/** Items of one request that are under way at the same time. */
const AT_ONCE = 200;
/** The field of a fault that is about the item itself. */
const WHOLE = 'body';

/** What came of one item. */
export type Outcome<T> = { value: T } | { error: DomainError };

/** The same as it is answered; `index` is its place in the request, `status` what it would have answered alone. */
export type BatchItem<T> = { index: number; status: number } & (
  { data: T } | { error: Pick<DomainError, 'code' | 'message' | 'details'> }
);

/** Does something with each, some at the same time. @throws what is no refusal: the program is at fault. */
export async function tryEach<In, Out>(
  items: readonly In[],
  work: (item: In) => Promise<Out>,
  atOnce = AT_ONCE,
): Promise<Outcome<Out>[]> {
  const outcomes: Outcome<Out>[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) {
      outcomes[i] = await attempt(items[i]!, work).then(
        (value) => ({ value }),
        (thrown: unknown) => ({ error: refusalOf(thrown) }),
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return outcomes;
}

/** What names something that is not the caller's is refused as if it were not there. */
async function attempt<In, Out>(item: In, work: (item: In) => Promise<Out>): Promise<Out> {
  refuseForeign(item);
  return work(item);
}

/** A store that is away at one item may be back at the next, and what came before it is done. */
function refusalOf(thrown: unknown): DomainError {
  const error = thrown instanceof DomainError ? thrown : storeError(thrown);
  if (!error) throw thrown;
  return error;
}

/**
 * For batches of which all is done or nothing.
 * @param field of the request that has the items. @returns the values.
 * @throws DomainError with the code of the first item that was refused, and the faults of all.
 */
export function allOf<T>(outcomes: readonly Outcome<T>[], field: string): T[] {
  const refused = outcomes.flatMap((outcome, i) => ('error' in outcome ? [{ i, error: outcome.error }] : []));
  const [first] = refused;
  if (!first) return outcomes.map((outcome) => (outcome as { value: T }).value);
  const details = refused.flatMap(({ i, error }) => detailsOf(error, `${field}.${i}`));
  const others = refused.length > 1 ? ` (and ${refused.length - 1} more; see details)` : '';
  throw new DomainError(first.error.code, `${field}.${first.i}: ${first.error.message}${others}`, details);
}

const detailsOf = ({ code, message, details }: DomainError, at: string): ErrorDetail[] =>
  details.length === 0
    ? [{ field: at, message, type: code.toLowerCase() }]
    : details.map((detail) => ({
        ...detail,
        field: detail.field === WHOLE ? at : `${at}.${detail.field}`,
      }));

/** For batches of which each item is answered by itself. @param status of those that were done. */
export const itemsOf = <T>(outcomes: readonly Outcome<T>[], status: number): BatchItem<T>[] =>
  outcomes.map((outcome, index) => {
    if ('value' in outcome) return { index, status, data: outcome.value };
    const { code, message, details } = outcome.error;
    return { index, status: outcome.error.status, error: { code, message, details } };
  });
