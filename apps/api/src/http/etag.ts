import { DomainError } from '@tauro/domain';
import { createHash } from 'node:crypto';
import { headerOf } from './header-of.decorator.js';
import { taggedOperations } from './openapi/headers.js';

type TagOf = (data: never) => string;
const TAG_OF = Symbol('how an answer gets its entity tag');

/** The answer has an `ETag`, made of its data. */
export const EntityTag =
  <T>(tagOf: (data: T) => string): MethodDecorator =>
  (_target, key, descriptor) => {
    taggedOperations.add(String(key));
    Reflect.defineMetadata(TAG_OF, tagOf, descriptor.value as object);
  };

/** What `EntityTag` said of a controller's method. */
export const tagOf = (method: object): TagOf | undefined =>
  Reflect.getMetadata(TAG_OF, method) as TagOf | undefined;

/** The revision that the request's `If-Match` asks for: `@IfMatch() expected: number | undefined`. */
export const IfMatch = headerOf(
  'If-Match',
  {
    description: 'The `ETag` that the change was made for; 412 when it is not the current one.',
    example: '"2"',
  },
  expectedRevision,
);

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
