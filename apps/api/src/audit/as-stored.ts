import { type Run } from '@tauro/database';

const documents = new WeakMap<object, Run>();

/**
 * Says which document a request has just stored, beside what it answers of it: so nobody has to read it again to write
 * down what it is like. Only for what is stored exactly so.
 */
export function asStored<T extends object>(answer: T, document: Run): T {
  documents.set(answer, document);
  return answer;
}

/** The document that a request said it has stored. */
export function storedFor(answer: unknown): Run | undefined {
  const data = (answer as { data?: unknown } | undefined)?.data;
  return typeof data === 'object' && data !== null ? documents.get(data) : undefined;
}
