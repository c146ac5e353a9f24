import { randomBytes } from 'node:crypto';
import { type Answer } from '../support/api-client.js';
import { ApiDocument, type Operation } from '../support/api-document.js';
import { Tauro } from '../support/tauro.js';
import { change, type Place, placesOf, refer, referenceOf } from './properties/requests.js';
import { type Json, OPERATORS } from './properties/values.js';
import { World } from './properties/world.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- an OpenAPI document */

const REFUSED = [400, 422];
/** `npm run test:contract` tries them all everywhere, the suite two in each place, in turn. */
const IS_FULL = process.env.CONTRACT_REQUESTS !== undefined;
/** What has a language of its own: any JSON may stand for an output or a variable, and a parameter may be called anything. */
const OWN_LANGUAGE = /^(outputs|params_schema)\.|^value(\.|$)/;

describe('an operator of the database in the place of a value', () => {
  let tauro: Tauro;
  let api: ApiDocument;
  let world: World;

  beforeAll(async () => {
    tauro = await Tauro.start({ workers: 0, env: { SECRET_KEY: randomBytes(32).toString('base64') } });
    api = new ApiDocument((await tauro.api.get('/openapi.json')).body);
    world = await World.made(tauro.api, 7);
  });
  afterAll(() => tauro?.stop());

  const parametersOf = ({ operation }: Operation, place: string): any[] =>
    (operation.parameters ?? []).map((one: any) => api.resolve(one)).filter((one: any) => one.in === place);

  /** The path with something that is there for each parameter, but for the one that is given. */
  const pathOf = (operation: Operation, given: Record<string, string> = {}): string =>
    world.fill(
      operation.path.replace(
        /\{(\w+)\}/g,
        (_, name: string) => given[name] ?? `«${referenceOf(name) ?? name}:0»`,
      ),
    );

  /** Streams are left once they have begun. */
  async function send(operation: Operation, path: string, body?: Json): Promise<Answer> {
    if (body !== undefined) {
      return tauro.api.send(operation.method.toUpperCase(), path, world.fill(JSON.stringify(body)));
    }
    const response = await fetch(tauro.url + path, {
      method: operation.method.toUpperCase(),
      headers: { accept: 'application/json' },
    });
    const isStream = (response.headers.get('content-type') ?? '').includes('event-stream');
    if (isStream) await response.body!.cancel();
    const text = isStream ? '' : await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text.startsWith('{') ? JSON.parse(text) : text,
    };
  }

  let turn = 0;
  const some = (operators: Json[]): Json[] =>
    IS_FULL ? operators : [operators[turn++ % operators.length]!, operators[(turn + 2) % operators.length]!];

  it('in a path finds nothing', async () => {
    const wrong: unknown[] = [];
    for (const operation of api.operations) {
      for (const { name } of parametersOf(operation, 'path')) {
        for (const operator of some(OPERATORS.slice(0, 3))) {
          const path = pathOf(operation, { [name]: encodeURIComponent(JSON.stringify(operator)) });
          const { status } = await send(operation, path);
          if (![...REFUSED, 404].includes(status)) wrong.push([operation.name, path, status]);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('in a query is refused, or is a text that nothing has', async () => {
    const wrong: unknown[] = [];
    for (const operation of api.operations) {
      for (const { name } of parametersOf(operation, 'query')) {
        const called = encodeURIComponent(name.replace('*', 'team'));
        const asNested = await send(operation, `${pathOf(operation)}?${called}[$gt]=`);
        // A tag may be called anything that its own rule allows, which no operator is.
        if (!REFUSED.includes(asNested.status)) wrong.push([operation.name, `${name}[$gt]`, asNested.status]);
        for (const operator of some(OPERATORS.slice(0, 3))) {
          const text = encodeURIComponent(JSON.stringify(operator));
          const { status, body } = await send(operation, `${pathOf(operation)}?${called}=${text}`);
          // An export of nothing is an empty text.
          const matchesNothing = status === 200 && (body === '' || body.data?.length === 0);
          if (!REFUSED.includes(status) && !matchesNothing) wrong.push([operation.name, name, status]);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('in a body is refused, unless the place holds whatever a client likes', async () => {
    const wrong: unknown[] = [];
    let tried = 0;
    for (const one of api.operations.filter(({ operation }) => operation.requestBody)) {
      const { method, path, operation, name } = one;
      const { example, examples = {} } = operation.requestBody.content['application/json'];
      const shown: Json = example ?? Object.values<any>(examples)[0]?.value ?? {};
      const schema = ['paths', path, method, 'requestBody', 'content', 'application/json', 'schema'];
      for (const place of [...placesOf(shown), ...undrawn(operation, shown)]) {
        for (const operator of some(OPERATORS)) {
          const body = change(
            refer(shown, () => 6),
            place,
            { how: 'set', other: operator, name: '' },
          );
          const isFree = api.faults(body, ...schema).length === 0;
          const { status, body: answer } = await send(one, pathOf(one), body);
          // A validation says that it is not valid.
          const isRefused = REFUSED.includes(status) || answer?.data?.valid === false;
          tried++;
          if (status >= 500 || (!isFree && !isRefused && !OWN_LANGUAGE.test(place.join('.'))))
            wrong.push([name, place.join('.'), JSON.stringify(operator), status]);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(tried).toBeGreaterThan(IS_FULL ? 3000 : 700);
  });

  /** Fields that the schema has and the example does not. */
  function undrawn(operation: any, shown: Json): Place[] {
    const { properties = {} } = api.resolve(operation.requestBody.content['application/json'].schema);
    return Object.keys(properties)
      .filter((field) => !(field in (shown as object)))
      .map((field) => [field]);
  }
});
