import * as fc from 'fast-check';
import { type ApiDocument, type Operation } from '../../support/api-document.js';
import { fitting } from './from-schema.js';
import { type Json, nastyJson, nastyText } from './values.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- an OpenAPI document */

/** A request before its placeholders (see `World`) stand for something. */
export interface Plan {
  operation: Operation;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

const ID = /^(proj|pipe|run|task|sched|bf|cfg|cfgv|cfgp|conn|ds|pool|sec|aud|var|trg|key|role|ntf)_\w+$/;
const PREFIX_OF: Record<string, string> = {
  project: 'proj',
  pipeline: 'pipe',
  run: 'run',
  task: 'task',
  schedule: 'sched',
  backfill: 'bf',
  trigger: 'trg',
  notification: 'ntf',
  pool: 'pool',
  config: 'cfg',
  version: 'cfgv',
  config_version: 'cfgv',
  promotion: 'cfgp',
  connection: 'conn',
  dataset: 'ds',
  entry: 'aud',
  key: 'key',
  role: 'role',
  secret: 'sec',
  variable: 'var',
  worker: 'wrk',
  node: 'node',
};

/** Something that is there; which one is decided when the request is sent. */
const existing = (prefix: string): fc.Arbitrary<string> => fc.nat({ max: 50 }).map((n) => `«${prefix}:${n}»`);

/** The id or reference that a field of this name holds, if it is one. */
export const referenceOf = (name: string): string | undefined =>
  PREFIX_OF[name.replace(/_ids?$/, '')] ?? (name === 'rerun_of' ? 'run' : undefined);

/** Requests for every operation of the document, each as likely as any other. */
export function requests(api: ApiDocument): fc.Arbitrary<Plan> {
  return fc.oneof(...api.operations.map((operation) => requestOf(api, operation)));
}

function requestOf(api: ApiDocument, operation: Operation): fc.Arbitrary<Plan> {
  const parameters: any[] = (operation.operation.parameters ?? []).map((one: any) => api.resolve(one));
  const of = (place: string): any[] => parameters.filter((one) => one.in === place);
  const path = fc.tuple(...of('path').map(({ name, schema }) => pathPart(api, name, schema))).map((parts) => {
    let next = 0;
    return operation.path.replace(/\{[^}]+\}/g, () => parts[next++]!);
  });
  const headers = fc
    .tuple(...of('header').map(({ name, example }) => header(name, example)))
    .map((all) => Object.fromEntries(all.filter(([, value]) => value !== undefined)));
  return fc
    .record({ path, query: query(api, of('query')), headers, body: body(api, operation) })
    .map(({ path, query, headers, body }) => ({
      operation,
      path: path + query,
      // Streams have tests of their own; here each answer is to be read to its end.
      headers: { accept: 'application/json', ...headers, ...(body && { 'content-type': body.type }) },
      body: body?.text,
    }));
}

/** One segment of a path: never empty, and no step up. */
const segment = nastyText
  .filter((text) => !/^\.{0,2}$/.test(text) && wellFormed(text) === text && text.length < 1000)
  .map(encodeURIComponent);

function pathPart(api: ApiDocument, name: string, schema: any): fc.Arbitrary<string> {
  const prefix = referenceOf(name);
  return fc.oneof(
    { weight: 6, arbitrary: prefix ? existing(prefix) : existing(name) },
    { weight: 1, arbitrary: fitting(api, schema).map((value) => encodeURIComponent(String(value)) || 'x') },
    { weight: 1, arbitrary: fc.constant(`${prefix ?? 'x'}_doesNotExist`) },
    { weight: 1, arbitrary: segment },
    { weight: 1, arbitrary: fc.constantFrom('%E0%A4%A', '%00', '%2F', '1', 'daily_etl', 'x%20y') },
  );
}

/** Every parameter now and then: as it should be, as it should not, twice, or under a name that nobody knows. */
function query(api: ApiDocument, parameters: any[]): fc.Arbitrary<string> {
  const known = parameters.map(({ name, schema, example }) => {
    const prefix = referenceOf(name);
    const good = prefix
      ? existing(prefix)
      : example === undefined
        ? fitting(api, schema).map(String)
        : fc.constant(example);
    const value = fc.oneof({ weight: 3, arbitrary: good }, { weight: 1, arbitrary: nastyText });
    const key = fc.oneof(
      { weight: 12, arbitrary: fc.constant(name.replace('*', 'team')) },
      { weight: 1, arbitrary: fc.constantFrom(`${name}[$gt]`, `${name}[]`, `${name}.x`, name.toUpperCase()) },
    );
    return fc.tuple(key, value);
  });
  const unknown = fc.tuple(nastyText, nastyText);
  const pairs = fc.tuple(
    ...known.map((one) => sometimes(one, 4)),
    sometimes(unknown, 40),
    known.length > 0 ? sometimes(fc.oneof(...known), 40) : fc.constant(undefined),
  );
  return fc.oneof({ weight: 1, arbitrary: fc.constant('') }, { weight: 3, arbitrary: pairs.map(encoded) });
}

/** One time in so many. */
const sometimes = <T>(one: fc.Arbitrary<T>, times: number): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 1, arbitrary: one }, { weight: times - 1, arbitrary: fc.constant(undefined) });

function encoded(pairs: ([string, string] | undefined)[]): string {
  const given = pairs
    .filter((pair) => pair !== undefined)
    .map((pair) => pair.map((text) => wellFormed(String(text))));
  return given.length === 0 ? '' : `?${given.map((pair) => pair.map(encodeText).join('=')).join('&')}`;
}
/** Placeholders stay what they are. */
const encodeText = (text: string): string => (/^«\w+:\d+»$/.test(text) ? text : encodeURIComponent(text));

/** Half of a surrogate pair cannot be percent-encoded. */
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '');

function header(name: string, example: string | undefined): fc.Arbitrary<[string, string | undefined]> {
  // Node's client refuses to send what no header may hold.
  const odd = nastyText.map((text) => text.replace(/[^\x20-\x7e]/g, '')).filter((text) => text.length < 500);
  const value = fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant(example ?? '"1"') },
    { weight: 1, arbitrary: odd },
  );
  return value.map((text) => [name, text]);
}

interface Body {
  text: string;
  type: string;
}

function body(
  api: ApiDocument,
  { method, operation: { requestBody } }: Operation,
): fc.Arbitrary<Body | undefined> {
  const nothing = fc.constant(undefined);
  if (method === 'get') return nothing;
  if (!requestBody) {
    const stray = nastyJson.map((value) => ({ text: JSON.stringify(value), type: 'application/json' }));
    return fc.oneof({ weight: 15, arbitrary: nothing }, { weight: 1, arbitrary: stray });
  }
  const { schema, example, examples = {} } = requestBody.content['application/json'];
  const shown = [example, ...Object.values<any>(examples).map(({ value }) => value)].filter(
    (one) => one !== undefined,
  );
  const good = shown.length > 0 ? fc.constantFrom<Json>(...shown) : fitting(api, schema);
  const json = fc.oneof(
    { weight: 3, arbitrary: good },
    { weight: 5, arbitrary: good.chain(changed).chain(changed) },
    { weight: 3, arbitrary: fitting(api, schema) },
    { weight: 1, arbitrary: nastyJson },
  );
  const asJson = json
    .chain(referring)
    .map((value) => ({ text: JSON.stringify(value), type: 'application/json' }));
  const broken = fc.record({
    text: fc.oneof(
      nastyText,
      asJson.map(({ text }) => text.slice(0, -1)),
      fc.constant('{"__proto__":{"a":1}}'),
    ),
    type: fc.constantFrom(
      'application/json',
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=latin1',
    ),
  });
  return fc.oneof(
    { weight: 15, arbitrary: asJson },
    { weight: 1, arbitrary: broken },
    { weight: 1, arbitrary: nothing },
  );
}

/** The value with one place of it changed: another value, a field less, or a field too many. */
function changed(value: Json): fc.Arbitrary<Json> {
  const places = placesOf(value);
  return fc
    .tuple(fc.nat({ max: places.length - 1 }), fc.constantFrom('set', 'remove', 'add'), nastyJson, nastyText)
    .map(([index, how, other, name]) => change(value, places[index]!, { how, other, name }));
}

export type Place = (string | number)[];

/** Where there is something in a value, itself included. */
export function placesOf(value: Json, here: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [here];
  return [here, ...Object.entries(value).flatMap(([key, item]) => placesOf(item, [...here, key]))];
}

/** The value with another at this place. */
export function change(
  value: Json,
  [key, ...rest]: Place,
  by: { how: string; other: Json; name: string },
): Json {
  if (key === undefined) {
    const holds = typeof value === 'object' && value !== null;
    return by.how === 'add' && holds && !Array.isArray(value) ? { ...value, [by.name]: by.other } : by.other;
  }
  const copy: any = Array.isArray(value) ? [...value] : { ...(value as object) };
  if (by.how === 'remove' && rest.length === 0) delete copy[key];
  else copy[key] = change(copy[key], rest, by);
  return copy;
}

/** Most references lead somewhere and most names are new, or else nearly every request would be a 404 or a 409. */
function referring(value: Json): fc.Arbitrary<Json> {
  return fc.array(fc.nat({ max: 50 }), { minLength: 4, maxLength: 4 }).map((numbers) => {
    let next = 0;
    return refer(value, () => numbers[next++ % numbers.length]!);
  });
}

/** The value with placeholders for its references and its name, where the number is more than 5. */
export function refer(value: Json, number: () => number): Json {
  const visit = (one: Json, name = '', top = false): Json => {
    if (Array.isArray(one)) return one.map((item) => visit(item, name));
    if (typeof one === 'object' && one !== null)
      return Object.fromEntries(
        Object.entries(one).map(([key, item]) => [key, visit(item, key, name === '')]),
      );
    if (typeof one !== 'string') return one;
    const prefix = ID.exec(one)?.[1] ?? referenceOf(name);
    // A name such as `daily_etl` is known in every project, and an id in one of them only.
    if (prefix && number() > (ID.test(one) ? 5 : 25)) return `«${prefix}:${number()}»`;
    return name === 'name' && top && /^\w+$/.test(one) && number() > 5 ? '«new»' : one;
  };
  return visit(value);
}
