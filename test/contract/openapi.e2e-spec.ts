import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { ApiDocument, type Operation } from '../support/api-document.js';
import { Tauro } from '../support/tauro.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- an OpenAPI document */

/** Every operation that the API promises, as `METHOD path`. */
const PROMISED = [
  'GET /health',
  'GET /health/live',
  'GET /health/ready',
  'GET /api/v1/info',
  'GET /api/v1/statistics',
  'GET /api/v1/projects',
  'POST /api/v1/projects',
  'POST /api/v1/projects/batch',
  'PUT /api/v1/projects/batch',
  'DELETE /api/v1/projects/batch',
  'GET /api/v1/projects/{}',
  'PUT /api/v1/projects/{}',
  'DELETE /api/v1/projects/{}',
  'GET /api/v1/projects/{}/stats',
  'GET /api/v1/projects/{}/statistics',
  'POST /api/v1/projects/{}/duplicate',
  'GET /api/v1/pipelines',
  'POST /api/v1/pipelines',
  'POST /api/v1/pipelines/validate',
  'GET /api/v1/pipelines/{}',
  'PUT /api/v1/pipelines/{}',
  'DELETE /api/v1/pipelines/{}',
  'GET /api/v1/pipelines/{}/dag',
  'GET /api/v1/pipelines/{}/versions',
  'GET /api/v1/pipelines/{}/versions/{}',
  'GET /api/v1/pipelines/{}/stats',
  'GET /api/v1/pipelines/{}/marks',
  'GET /api/v1/pipelines/{}/marks/{}',
  'PUT /api/v1/pipelines/{}/marks/{}',
  'DELETE /api/v1/pipelines/{}/marks/{}',
  'GET /api/v1/pipelines/{}/quality',
  'GET /api/v1/runs/{}/quality',
  'GET /api/v1/schedules/{}/stats',
  'GET /api/v1/runs',
  'POST /api/v1/runs',
  'POST /api/v1/runs/batch',
  'DELETE /api/v1/runs/batch',
  'POST /api/v1/runs/batch/start',
  'POST /api/v1/runs/batch/cancel',
  'GET /api/v1/runs/{}',
  'DELETE /api/v1/runs/{}',
  'POST /api/v1/runs/{}/start',
  'POST /api/v1/runs/{}/cancel',
  'GET /api/v1/runs/{}/tasks',
  'GET /api/v1/runs/{}/tasks/{}',
  'POST /api/v1/runs/{}/tasks/{}/approve',
  'POST /api/v1/runs/{}/tasks/{}/reject',
  'GET /api/v1/runs/{}/logs',
  'GET /api/v1/runs/{}/events',
  'GET /api/v1/runs/{}/artifacts',
  'GET /api/v1/runs/{}/artifacts/{}',
  'GET /api/v1/runs/{}/artifacts/{}/download',
  'GET /api/v1/runs/{}/lineage',
  'GET /api/v1/datasets',
  'GET /api/v1/datasets/{}',
  'GET /api/v1/events',
  'GET /api/v1/notifications',
  'GET /api/v1/notifications/{}',
  'POST /api/v1/notifications/{}/retry',
  'POST /api/v1/auth/token',
  'GET /api/v1/auth/me',
  'GET /api/v1/keys',
  'POST /api/v1/keys',
  'POST /api/v1/keys/{}/rotate',
  'GET /api/v1/roles',
  'GET /api/v1/configs',
  'POST /api/v1/configs',
  'GET /api/v1/configs/{}',
  'PUT /api/v1/configs/{}',
  'DELETE /api/v1/configs/{}',
  'GET /api/v1/config-versions',
  'GET /api/v1/config-versions/compare',
  'GET /api/v1/config-versions/{}',
  'POST /api/v1/config-versions/{}/promote',
  'POST /api/v1/config-versions/{}/rollback',
  'GET /api/v1/config-promotions',
  'GET /api/v1/config-promotions/{}',
  'POST /api/v1/config-promotions/{}/approve',
  'POST /api/v1/config-promotions/{}/reject',
  'GET /api/v1/audit',
  'GET /api/v1/audit/export',
  'GET /api/v1/audit/{}',
  'GET /api/v1/variables',
  'POST /api/v1/variables',
  'GET /api/v1/variables/{}',
  'PUT /api/v1/variables/{}',
  'DELETE /api/v1/variables/{}',
  'GET /api/v1/connections',
  'POST /api/v1/connections',
  'GET /api/v1/connections/{}',
  'PUT /api/v1/connections/{}',
  'DELETE /api/v1/connections/{}',
  'POST /api/v1/connections/{}/test',
  'GET /api/v1/secrets',
  'POST /api/v1/secrets',
  'GET /api/v1/secrets/{}',
  'PUT /api/v1/secrets/{}',
  'DELETE /api/v1/secrets/{}',
  'GET /api/v1/triggers',
  'POST /api/v1/triggers',
  'GET /api/v1/triggers/{}',
  'PUT /api/v1/triggers/{}',
  'DELETE /api/v1/triggers/{}',
  'POST /api/v1/triggers/{}/rotate',
  'POST /api/v1/hooks/{}',
];

describe('the OpenAPI document', () => {
  let tauro: Tauro;
  let document: any;
  let api: ApiDocument;
  let operations: Operation[];

  beforeAll(async () => {
    tauro = await Tauro.start({ workers: 0 });
    document = (await tauro.api.get('/openapi.json')).body;
    api = new ApiDocument(document);
    operations = api.operations;
  });
  afterAll(() => tauro?.stop());

  const ours = (): Operation[] => operations.filter(({ name }) => name.includes(' /api/v1/'));

  /** Names of the operations that lack something, so that a failure lists them. */
  const lacking = (test: (operation: any, name: string) => boolean, of = operations): string[] =>
    of.filter(({ operation, name }) => !test(operation, name)).map(({ name }) => name);

  const resolve = (node: any): any => api.resolve(node);

  const mediaOf = (response: any): any => Object.values<any>(resolve(response)?.content ?? {})[0];

  const propertiesOf = (schema: any): Record<string, any> => {
    const found = resolve(schema) ?? {};
    return Object.assign({}, found.properties, ...(found.allOf ?? []).map(propertiesOf));
  };

  /** Its success is JSON and nothing else: logs stream by default, a graph may be text, events are a stream. */
  const isJson = (operation: any): boolean =>
    Object.keys(resolve(successOf(operation))?.content ?? {}).join() === 'application/json';

  const successOf = (operation: any): any =>
    operation.responses[Object.keys(operation.responses).find((status) => status.startsWith('2'))!];

  it('is OpenAPI 3 and has every promised operation', () => {
    expect(document.openapi).toMatch(/^3\./);
    expect(operations.map(({ name }) => name)).toEqual(expect.arrayContaining(PROMISED));
  });

  it('gives every operation a summary, a tag and an id of its own', () => {
    expect(lacking((operation) => operation.summary && operation.tags?.length > 0)).toEqual([]);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('puts every success into the envelope', () => {
    expect(
      lacking((operation) => {
        if (!isJson(operation)) return true;
        const properties = propertiesOf(mediaOf(successOf(operation))?.schema);
        return 'data' in properties && 'meta' in properties;
      }, ours()),
    ).toEqual([]);
  });

  it('tells every operation its errors, all in the error envelope', () => {
    const errors = (operation: any): [string, any][] =>
      Object.entries<any>(operation.responses).filter(([status]) => /^[45]/.test(status));
    expect(lacking((operation) => errors(operation).length > 0, ours())).toEqual([]);
    expect(
      lacking(
        (operation) =>
          errors(operation).every(([, response]) => 'error' in propertiesOf(mediaOf(response)?.schema)),
        ours(),
      ),
    ).toEqual([]);
    expect(
      lacking((operation, name) => !name.includes('{}') || '404' in operation.responses, ours()),
    ).toEqual([]);
    expect(lacking((operation) => !operation.requestBody || '422' in operation.responses, ours())).toEqual(
      [],
    );
    expect(lacking((operation) => '500' in operation.responses, ours())).toEqual([]);
  });

  it('shows an example with every operation: of its body and of its answer', () => {
    const hasExample = (media: any): boolean => {
      const shown = (one: any): boolean => one?.example !== undefined || one?.examples !== undefined;
      return shown(media) || shown(resolve(media?.schema));
    };
    expect(lacking((operation) => hasExample(mediaOf(successOf(operation))))).toEqual([]);
    expect(
      lacking((operation) => !operation.requestBody || hasExample(mediaOf(operation.requestBody)), ours()),
    ).toEqual([]);
  });

  it('answers its examples as the server would: in the envelope', () => {
    expect(
      lacking((operation) => {
        if (!isJson(operation)) return true;
        const media = mediaOf(successOf(operation));
        const example = media.example ?? Object.values<any>(media.examples ?? {})[0]?.value;
        return example === undefined || ('data' in example && 'meta' in example);
      }, ours()),
    ).toEqual([]);
  });

  it('is valid OpenAPI', async () => {
    expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
  });

  it('calls operations as it always has: clients are generated from their ids', () => {
    const recorded = JSON.parse(readFileSync(join(__dirname, 'operation-ids.json'), 'utf8')) as object;
    const ids = Object.fromEntries(operations.map(({ name, operation }) => [name, operation.operationId]));
    expect(Object.keys(recorded).length).toBeGreaterThan(70);
    // One that is not recorded yet may still get another name, until it is released.
    expect(ids).toMatchObject(recorded);
  });

  it('has no example that its own schema would refuse', () => {
    const faults = operations.flatMap(({ method, path, name, operation }) => {
      const bodies = [
        ...Object.keys(operation.responses).map((status) => ['responses', status]),
        ...(operation.requestBody ? [['requestBody']] : []),
      ];
      return bodies.flatMap((keys) => {
        const place = ['paths', path, method, ...keys];
        const content = keys.reduce((node, key) => node[key], operation).content ?? {};
        return Object.entries<any>(content).flatMap(([type, { example, examples }]) =>
          [example, ...Object.values<any>(examples ?? {}).map(({ value }) => value)]
            .filter((shown) => shown !== undefined)
            .flatMap((shown) => api.faults(shown, ...place, 'content', type, 'schema'))
            .map((fault) => `${name} ${keys.join(' ')}: ${fault}`),
        );
      });
    });
    expect(faults).toEqual([]);
  });

  it('has no parameter whose example its own schema would refuse', () => {
    const faults = operations.flatMap(({ method, path, name, operation }) =>
      (operation.parameters as any[]).flatMap((parameter, index) => {
        const { name: called, example = resolve(parameter).schema.example } = resolve(parameter);
        if (example === undefined) return [];
        const place = parameter.$ref
          ? parameter.$ref.slice(2).split('/')
          : ['paths', path, method, 'parameters', String(index)];
        return api.faults(example, ...place, 'schema').map((fault) => `${name} ${called}: ${fault}`);
      }),
    );
    expect(faults).toEqual([]);
  });

  it('describes the headers that operations take and answers send', () => {
    const taking = (header: string): string[] =>
      operations
        .filter(({ operation }) => operation.parameters.some((one: any) => resolve(one).name === header))
        .map(({ name }) => name);
    const everything = operations.map(({ name }) => name);
    expect(taking('X-Request-ID')).toEqual(everything);
    expect(taking('If-Match')).toEqual(everything.filter((name) => /^PUT (?!.*\/batch$)/.test(name)));
    const callable = operations.filter(({ operation }) => operation.security).map(({ name }) => name);
    const keyed = new Set(callable.filter((name) => name.startsWith('POST ')));
    expect(taking('Idempotency-Key')).toEqual([...keyed]);
    expect(taking('Last-Event-ID').sort()).toEqual([
      'GET /api/v1/events',
      'GET /api/v1/runs/{}/events',
      'GET /api/v1/runs/{}/logs',
    ]);

    const sending = (header: string) =>
      operations.flatMap(({ name, operation }) =>
        Object.entries<any>(operation.responses)
          .filter(([, response]) => resolve(response.headers?.[header])?.schema)
          .map(([status]) => `${name} ${status}`),
      );
    const answers = operations.flatMap(({ name, operation }) =>
      Object.keys(operation.responses).map((status) => `${name} ${status}`),
    );
    expect(sending('X-Request-ID')).toEqual(answers);
    expect(sending('Retry-After')).toEqual(
      answers.filter((answer) => / (429|503)$/.test(answer) || keyed.has(answer.replace(/ 409$/, ''))),
    );
    const guarded = operations.filter(({ operation }) => operation.security && '401' in operation.responses);
    expect(sending('WWW-Authenticate')).toEqual(guarded.map(({ name }) => `${name} 401`));
    expect(sending('ETag').sort()).toEqual([
      'GET /api/v1/backfills/{} 200',
      'GET /api/v1/config-promotions/{} 200',
      'GET /api/v1/config-versions/{} 200',
      'GET /api/v1/configs/{} 200',
      'GET /api/v1/connections/{} 200',
      'GET /api/v1/datasets/{} 200',
      'GET /api/v1/keys/{} 200',
      'GET /api/v1/notifications/{} 200',
      'GET /api/v1/pipelines/{} 200',
      'GET /api/v1/pipelines/{}/marks/{} 200',
      'GET /api/v1/pipelines/{}/versions/{} 200',
      'GET /api/v1/pools/{} 200',
      'GET /api/v1/projects/{} 200',
      'GET /api/v1/roles/{} 200',
      'GET /api/v1/runs/{} 200',
      'GET /api/v1/runs/{}/tasks/{} 200',
      'GET /api/v1/schedules/{} 200',
      'GET /api/v1/secrets/{} 200',
      'GET /api/v1/triggers/{} 200',
      'GET /api/v1/variables/{} 200',
      'GET /api/v1/workers/{} 200',
      'PUT /api/v1/configs/{} 200',
      'PUT /api/v1/connections/{} 200',
      'PUT /api/v1/keys/{} 200',
      'PUT /api/v1/pipelines/{} 200',
      'PUT /api/v1/pipelines/{}/marks/{} 200',
      'PUT /api/v1/pools/{} 200',
      'PUT /api/v1/projects/{} 200',
      'PUT /api/v1/roles/{} 200',
      'PUT /api/v1/schedules/{} 200',
      'PUT /api/v1/secrets/{} 200',
      'PUT /api/v1/triggers/{} 200',
      'PUT /api/v1/variables/{} 200',
    ]);
  });

  it.each(['output', 'item'])('takes any JSON value for `%s` of a task, also null', (field) => {
    const values = [null, true, 1.5, 'text', [1, 'two', null], { rows: 3 }];
    const place = ['components', 'schemas', 'Task', 'properties', field];
    expect(values.flatMap((value) => api.faults(value, ...place))).toEqual([]);
  });

  it('refers to nothing that is not there', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map((match) => match[1]!);
    const missing = refs.filter(
      (ref) => ref.split('/').reduce((at, key) => at?.[key], document) === undefined,
    );
    expect(missing).toEqual([]);
  });

  it.each([
    ['/docs', /swagger/i],
    ['/redoc', /redoc/i],
  ])('is shown to people at %s, with everything the page needs from here', async (path, expected) => {
    const page = await fetch(tauro.url + path);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/html/);
    const html = await page.text();
    expect(html).toMatch(expected);
    // A page that needs the internet would stay empty behind a firewall.
    const links = [...html.matchAll(/(?:src|href)="([^"#]+\.(?:js|css)[^"]*)"/g)].map((match) => match[1]!);
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) {
      const url = new URL(link, page.url);
      expect(url.origin).toBe(tauro.url);
      expect([link, (await fetch(url)).status]).toEqual([link, 200]);
    }
  });

  it('can be switched off', async () => {
    const closed = await Tauro.start({
      workers: 0,
      env: { ENABLE_API_DOCS: 'false', ENABLE_METRICS: 'false' },
    });
    try {
      for (const path of ['/docs', '/redoc', '/openapi.json', '/metrics']) {
        expect([path, (await closed.api.get(path)).status]).toEqual([path, 404]);
      }
    } finally {
      await closed.stop();
    }
  });
});
