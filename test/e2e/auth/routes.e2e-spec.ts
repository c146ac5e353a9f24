import { type ApiClient } from '../../support/api-client.js';
import { ApiDocument, type Operation } from '../../support/api-document.js';
import { Secured } from '../../support/secured.js';

/** Routes that are for everybody; each has its reason in docs/auth.md. */
const PUBLIC = [
  'GET /health',
  'GET /health/live',
  'GET /health/ready',
  'GET /metrics',
  'POST /api/v1/auth/token',
  'POST /api/v1/hooks/{}',
];
/** Routes for whoever is known, whatever they may do. */
const FOR_ANYBODY_KNOWN = ['GET /api/v1/auth/me'];

describe('every route of the OpenAPI document', () => {
  let secured: Secured;
  let document: ApiDocument;
  beforeAll(async () => {
    secured = await Secured.start({ workers: 0 });
    const anonymous = secured.tauro.api;
    document = new ApiDocument((await anonymous.get('/openapi.json')).body);
  });
  afterAll(() => secured?.stop());

  /** A request of this shape; nothing of what it names exists. */
  const request = ({ method, path }: Operation): [string, string, object | undefined] => [
    method.toUpperCase(),
    path.replace(/\{[^}]*\}/g, '1'),
    ['post', 'put', 'patch'].includes(method) ? {} : undefined,
  ];
  const ask = (client: ApiClient, operation: Operation) => client.send(...request(operation));

  /** The permissions that the document says an operation needs; undefined for a public one. */
  const needed = ({ operation }: Operation): string[] | undefined => {
    const schemes = operation.security as Record<string, string[]>[] | undefined;
    return schemes?.flatMap((scheme) => Object.values(scheme)).flat();
  };

  it('says who may use it, and only those that must be are public', () => {
    expect(document.operations.length).toBeGreaterThan(70);
    const open = document.operations.filter((one) => !needed(one) || one.name === 'POST /api/v1/auth/token');
    expect(open.map(({ name }) => name).sort()).toEqual(PUBLIC);
    const vague = document.operations.filter(
      (one) => !PUBLIC.includes(one.name) && needed(one)!.length === 0,
    );
    expect(vague.map(({ name }) => name)).toEqual(FOR_ANYBODY_KNOWN);
  });

  it('answers 401 without credentials, and with such as nobody has', async () => {
    const nobodies = [
      secured.tauro.api,
      secured.as(`tauro_01JD0Z5K3V7M8N9P0Q1R2S3T4V_${'x'.repeat(43)}`),
      secured.as('letmein'),
      secured.bearing('eyJhbGciOiJub25lIn0.eyJzdWIiOiJrZXlfYm9vdHN0cmFwIn0.'),
    ];
    for (const operation of document.operations) {
      if (PUBLIC.includes(operation.name)) continue;
      for (const [index, nobody] of nobodies.entries()) {
        const { status, body, headers } = await ask(nobody, operation);
        expect([operation.name, index, status, body.error?.code]).toEqual([
          ...[operation.name, index, 401, 'UNAUTHORIZED'],
        ]);
        expect(headers.get('www-authenticate')).toMatch(/^Bearer realm="tauro"/);
        expect(Object.keys(body.meta)).toContain('request_id');
      }
    }
  });

  it('answers 403 with too little, names what is missing, and does more with that alone', async () => {
    const { client: idle } = await secured.key();
    for (const operation of document.operations) {
      if (PUBLIC.includes(operation.name) || FOR_ANYBODY_KNOWN.includes(operation.name)) continue;
      const [permission] = needed(operation)!;
      const refused = await ask(idle, operation);
      expect([operation.name, refused.status, refused.body.error]).toEqual([
        operation.name,
        403,
        { code: 'FORBIDDEN', message: `This needs the permission '${permission}'`, details: [] },
      ]);
    }
    const all = new Set(document.operations.flatMap((one) => needed(one) ?? []));
    for (const permission of all) {
      const { client } = await secured.key({ permissions: [permission] });
      for (const operation of document.operations.filter((one) => needed(one)?.includes(permission))) {
        const status = await client.status(...request(operation));
        expect([operation.name, permission, [401, 403].includes(status)]).toEqual([
          ...[operation.name, permission, false],
        ]);
      }
    }
  });

  it('has a documented 401 and 403', () => {
    const lacking = document.operations.filter(
      ({ name, operation }) =>
        !PUBLIC.includes(name) && !('401' in operation.responses && '403' in operation.responses),
    );
    expect(lacking.map(({ name }) => name)).toEqual([]);
  });

  it('is there for everybody when it is public, also with credentials that do not count', async () => {
    const stranger = secured.as('letmein');
    for (const path of ['/health', '/health/live', '/health/ready', '/metrics', '/docs', '/openapi.json']) {
      expect([path, (await stranger.get(path)).status]).toEqual([path, 200]);
    }
    for (const path of ['/hooks/nobody', '/api/v1/hooks/nobody']) {
      expect([path, (await stranger.post(path, {})).status]).toEqual([path, 404]);
    }
    expect((await stranger.get('/nowhere')).status).toBe(404);
  });
});
