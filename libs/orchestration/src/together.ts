import { DomainError, type ErrorDetail } from '@tauro/domain';

/**
 * For what is done to all of these ids or to none.
 * @param refusal why one of them cannot be done. @throws DomainError with the code and message of the first, and the
 * places of all.
 */
export function assertAll(ids: readonly string[], refusal: (id: string) => DomainError | undefined): void {
  const refusals = ids.flatMap((id, index) => {
    const error = refusal(id);
    return error ? [{ error, index }] : [];
  });
  const [first] = refusals;
  if (!first) return;
  const details = refusals.map(({ error: { code, message }, index }): ErrorDetail => ({
    field: `ids.${index}`,
    message,
    type: code.toLowerCase(),
  }));
  throw new DomainError(first.error.code, first.error.message, details);
}
