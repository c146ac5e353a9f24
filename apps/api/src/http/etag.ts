import { DomainError } from '@tauro/domain';
import { createHash } from 'node:crypto';

/** The entity tag of a revision number. */
export const revisionTag = (revision: number): string => `"${revision}"`;

/** The entity tag of something without a revision: a digest of all that is shown. */
export const contentTag = (data: unknown): string =>
  `"${createHash('sha1').update(JSON.stringify(data)).digest('base64url')}"`;

/**
 * The revision that an `If-Match` header asks for; undefined when there is none or it is `*`.
 * @throws DomainError PRECONDITION_FAILED for a tag that no revision can have.
 */
export function expectedRevision(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const tag = /^(?:W\/)?"(\d{1,9})"$/.exec(ifMatch.trim());
  if (!tag) throw stale();
  return Number(tag[1]);
}

/** What a stale `If-Match` gets. */
export const stale = (): DomainError =>
  new DomainError('PRECONDITION_FAILED', 'It has changed since: If-Match does not match its current ETag');
