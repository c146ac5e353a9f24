import { type Json } from '@tauro/domain';
import { type HttpAnswer } from '../http/call.js';
import { NodeError } from '../node-kind.js';
import { type Question } from './ask.js';

/** How a service hands out what is too much for one answer; the config's `pagination`. */
export type Pagination =
  | { style: 'none' }
  | { style: 'page'; param?: string; start?: number; size_param?: string; size?: number }
  | { style: 'offset'; param?: string; size_param?: string; size?: number }
  | { style: 'cursor'; param?: string; next: string }
  | { style: 'next_url'; next: string }
  | { style: 'link' };

/** What is known after a page. */
export interface Page {
  answer: HttpAnswer;
  body: Json;
  /** How many records it had. */
  records: number;
  /** Its address. */
  url: URL;
}

const SIZE = 100;

/** What is asked first. */
export function firstPage(pagination: Pagination): Record<string, string> {
  switch (pagination.style) {
    case 'page':
      return { [pagination.param ?? 'page']: String(pagination.start ?? 1), ...sized(pagination) };
    case 'offset':
      return {
        [pagination.param ?? 'offset']: '0',
        ...sized({ size_param: 'limit', size: SIZE, ...pagination }),
      };
    default:
      return {};
  }
}

const sized = ({ size_param, size }: { size_param?: string; size?: number }): Record<string, string> =>
  size_param === undefined ? {} : { [size_param]: String(size ?? SIZE) };

/**
 * What is asked after a page; undefined when it was the last.
 * @param asked the question that led to it
 * @param seen records of all pages so far
 */
export function nextPage(
  pagination: Pagination,
  asked: Question,
  page: Page,
  seen: number,
): Question | undefined {
  const query = asked.query ?? {};
  switch (pagination.style) {
    case 'none':
      return undefined;
    case 'page': {
      const param = pagination.param ?? 'page';
      return page.records === 0
        ? undefined
        : { ...asked, query: { ...query, [param]: String(Number(query[param]) + 1) } };
    }
    case 'offset':
      return page.records < (pagination.size ?? SIZE)
        ? undefined
        : { ...asked, query: { ...query, [pagination.param ?? 'offset']: String(seen) } };
    case 'cursor': {
      const cursor = at(page.body, pagination.next);
      if (cursor === undefined || cursor === null || cursor === '' || cursor === false) return undefined;
      return { ...asked, query: { ...query, [pagination.param ?? 'cursor']: String(cursor) } };
    }
    case 'next_url': {
      const next = at(page.body, pagination.next);
      return typeof next === 'string' && next !== '' ? { url: addressOf(next, page.url) } : undefined;
    }
    case 'link': {
      const next = /<([^>]+)>\s*;[^,]*\brel="?next"?/i.exec(page.answer.headers['link'] ?? '')?.[1];
      return next === undefined ? undefined : { url: addressOf(next, page.url) };
    }
  }
}

function addressOf(next: string, page: URL): URL {
  if (URL.canParse(next, page.href)) return new URL(next, page);
  throw new NodeError(
    'InvalidConfig',
    `pagination: '${next.slice(0, 200)}' is no address of a next page`,
    false,
  );
}

/** What lies at a path such as `data.items`; undefined when nothing does. */
export function at(body: Json, path: string): Json | undefined {
  return path
    .split('.')
    .reduce<Json | undefined>(
      (value, key) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, key)
          ? (value as Record<string, Json>)[key]
          : undefined,
      body,
    );
}

/**
 * The records of an answer: what lies at the path, else the answer itself. Which of several lists is meant is not guessed.
 * @throws NodeError 'BadRow' when that is no list of objects
 */
export function recordsOf(body: Json, path: string | undefined): Json[] {
  const found = path === undefined ? body : at(body, path);
  const place = path === undefined ? 'the answer' : `'${path}' of the answer`;
  if (!Array.isArray(found)) {
    const hint = path === undefined ? '; say where it is with records, such as data.items' : '';
    throw new NodeError('BadRow', `${place} is no list${hint}`, false);
  }
  const odd = found.findIndex(
    (record) => typeof record !== 'object' || record === null || Array.isArray(record),
  );
  if (odd >= 0) throw new NodeError('BadRow', `${place}: record ${odd} is no object`, false);
  return found;
}
