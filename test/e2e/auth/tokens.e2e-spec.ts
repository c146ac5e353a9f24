import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { createHmac, hkdfSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Secured } from '../../support/secured.js';
import { expectStatus } from '../../support/user.js';
import { waitFor } from '../../support/wait-for.js';

const ISSUER = 'https://id.example.com/';
const AUDIENCE = 'https://tauro.example.com';
const ME = '/api/v1/auth/me';

interface Pair {
  kid: string;
  alg: string;
  publicKey: CryptoKey;
  privateKey: CryptoKey;
}

/** An identity provider: it serves the public halves of its keys, and can be away. */
class Provider {
  private keys: object[] = [];
  away = false;
  private constructor(private readonly server: Server) {}

  static async start(): Promise<Provider> {
    const server = createServer((_req, res) => {
      if (provider.away) return void res.writeHead(500).end();
      res.setHeader('content-type', 'application/json');
      res.end(JSON.stringify({ keys: provider.keys }));
    });
    const provider = new Provider(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return provider;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/jwks.json`;
  }

  async serve(...pairs: Pair[]): Promise<void> {
    this.keys = await Promise.all(
      pairs.map(async ({ kid, alg, publicKey }) => ({
        ...(await exportJWK(publicKey)),
        kid,
        alg,
        use: 'sig',
      })),
    );
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const pair = async (alg: string, kid: string): Promise<Pair> => ({
  kid,
  alg,
  ...(await generateKeyPair(alg, { extractable: true })),
});

describe('bearer tokens', () => {
  let secured: Secured;
  let provider: Provider;
  let rsa: Pair;
  let ec: Pair;
  beforeAll(async () => {
    provider = await Provider.start();
    [rsa, ec] = await Promise.all([pair('RS256', 'rsa-1'), pair('ES256', 'ec-1')]);
    await provider.serve(rsa, ec);
    secured = await Secured.start({
      workers: 0,
      env: { JWT_JWKS_URL: provider.url, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE },
    });
  });
  afterAll(async () => {
    await secured?.stop();
    provider?.stop();
  });

  const statusOf = async (token: string): Promise<number> => (await secured.bearing(token).get(ME)).status;
  const now = (): number => Math.floor(Date.now() / 1000);

  interface Wish {
    by?: Pair;
    claims?: JWTPayload;
    header?: Partial<JWTHeaderParameters>;
  }
  /** A token of the provider that is in order, but for what is wished. */
  const signed = ({ by = rsa, claims = {}, header = {} }: Wish = {}): Promise<string> =>
    new SignJWT({
      ...{ sub: 'u1', iss: ISSUER, aud: AUDIENCE, iat: now(), exp: now() + 60, roles: ['viewer'] },
      ...claims,
    })
      .setProtectedHeader({ alg: by.alg, kid: by.kid, ...header })
      .sign(by.privateKey);

  describe('of the server itself', () => {
    it('stand for a key, with what that may do', async () => {
      const { id, client } = await secured.key({ name: 'app', roles: ['operator'] });
      const answer = await client.post('/api/v1/auth/token');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.body.data).toEqual({
        access_token: expect.stringMatching(/^ey[\w-]+\.[\w-]+\.[\w-]+$/),
        token_type: 'Bearer',
        expires_in: 900,
      });
      const bearer = secured.bearing(answer.body.data.access_token);
      expect(await secured.me(bearer)).toMatchObject({ kind: 'token', id, name: 'app', roles: ['operator'] });
      expect((await bearer.get('/api/v1/runs')).status).toBe(200);
      expect((await bearer.post('/api/v1/projects', { name: 'x' })).status).toBe(403);
    });

    it('end with the key, and are changed with it', async () => {
      const { id, client } = await secured.key({ roles: ['viewer'] });
      const bearer = secured.bearing(await secured.token(client));
      expectStatus(await secured.admin.put(`/api/v1/keys/${id}`, { roles: [] }), 200);
      expect((await bearer.get('/api/v1/runs')).status).toBe(403);
      expectStatus(await secured.admin.post(`/api/v1/keys/${id}/revoke`), 200);
      expect((await bearer.get(ME)).status).toBe(401);
    });

    it('do not outlive the key, and are made for keys alone', async () => {
      const { client } = await secured.key({ expires_at: new Date(Date.now() + 60_000).toISOString() });
      const { expires_in, access_token } = expectStatus(await client.post('/api/v1/auth/token'), 200);
      expect(expires_in).toBeLessThanOrEqual(60);
      expect((await secured.bearing(access_token).post('/api/v1/auth/token')).status).toBe(401);
      expect((await secured.tauro.api.post('/api/v1/auth/token')).status).toBe(401);
      const wrong = await secured.as('letmein').post('/api/v1/auth/token');
      expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([
        401,
        'Bearer realm="tauro", error="invalid_token"',
      ]);
    });

    it('count for nothing once they are tampered with, whoever signs them and however', async () => {
      const { id, client } = await secured.key({ roles: ['admin'] });
      const token = await secured.token(client);
      expect(await statusOf(token)).toBe(200);
      const [head, body, signature] = token.split('.') as [string, string, string];
      const coded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
      const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as JWTPayload;
      const flipped = signature.slice(0, 5) + (signature[5] === 'A' ? 'B' : 'A') + signature.slice(6);
      const key = Buffer.from(hkdfSync('sha256', secured.tauro.env.SECRET_KEY!, '', 'tauro/tokens', 32));
      const mine = (part: JWTPayload): Promise<string> =>
        new SignJWT(part).setProtectedHeader({ alg: 'HS256' }).sign(key);
      // What is refused below is refused for the one thing that is wrong with it.
      expect(await statusOf(await mine(claims))).toBe(200);
      const { exp: _exp, ...endless } = claims;
      const { sub: _sub, ...nobody } = claims;
      const tampered = {
        signature: `${head}.${body}.${flipped}`,
        'no signature': `${head}.${body}.`,
        subject: `${head}.${coded({ ...claims, sub: 'key_bootstrap' })}.${signature}`,
        none: new UnsecuredJWT(claims).encode(),
        'none with the signature': `${coded({ alg: 'none' })}.${body}.${signature}`,
        'None in capitals': `${coded({ alg: 'NONE' })}.${body}.`,
        'SECRET_KEY itself': await new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256' })
          .sign(Buffer.from(secured.tauro.env.SECRET_KEY!)),
        'another algorithm': await new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS512' })
          .sign(Buffer.concat([key, key])),
        issuer: await mine({ ...claims, iss: 'somebody' }),
        audience: await mine({ ...claims, aud: 'somebody' }),
        expired: await mine({ ...claims, iat: now() - 900, exp: now() - 11 }),
        'not yet': await mine({ ...claims, nbf: now() + 60 }),
        endless: await mine(endless),
        nobody: await mine(nobody),
        'no key': await mine({ ...claims, sub: 'key_nobody' }),
        'no id': await mine({ ...claims, sub: 'u1' }),
        'not a token': 'x.y.z',
        'cut off': token.slice(0, 40),
      };
      for (const [what, wrong] of Object.entries(tampered)) {
        expect([what, await statusOf(wrong)]).toEqual([what, 401]);
      }
      expect(await statusOf(await mine({ ...claims, sub: id, exp: now() - 5 }))).toBe(200);
    });
  });

  describe('of the identity provider', () => {
    it.each(['RS256', 'ES256'])('are accepted when signed by %s', async (alg) => {
      const by = alg === 'RS256' ? rsa : ec;
      const claims = { user: 'user@company.com', roles: ['viewer'], permissions: ['runs:execute'] };
      const me = await secured.me(secured.bearing(await signed({ by, claims })));
      expect(me).toMatchObject({ kind: 'token', id: 'u1', user: 'user@company.com', roles: ['viewer'] });
      expect(me.permissions).toEqual(expect.arrayContaining(['runs:execute', 'projects:read']));
      expect(me.permissions).not.toContain('projects:write');
    });

    it('grant nothing that they do not name, and confine as they say', async () => {
      const plain = secured.bearing(await signed({ claims: { roles: undefined } }));
      expect((await secured.me(plain)).permissions).toEqual([]);
      expect((await plain.get('/api/v1/projects')).status).toBe(403);
      const confined = secured.bearing(await signed({ claims: { project_ids: [] } }));
      expect((await confined.get('/api/v1/projects')).body.data).toEqual([]);
      expect((await confined.get('/api/v1/statistics')).status).toBe(403);
      expect(await statusOf(await signed({ claims: { project_ids: 'all' } }))).toBe(401);
    });

    it('are refused when anything about them is wrong', async () => {
      const stranger = await pair('RS256', 'rsa-1');
      const pem = await exportJWK(rsa.publicKey);
      const confused = (secret: Buffer): string => {
        const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
        const content = `${part({ alg: 'HS256', kid: 'rsa-1' })}.${part({ sub: 'u1', iss: ISSUER, aud: AUDIENCE, exp: now() + 60, iat: now(), roles: ['admin'] })}`;
        return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
      };
      const wrong = {
        issuer: await signed({ claims: { iss: 'https://evil.example.com/' } }),
        audience: await signed({ claims: { aud: 'https://other.example.com' } }),
        'no audience': await signed({ claims: { aud: undefined } }),
        expired: await signed({ claims: { exp: now() - 11 } }),
        endless: await signed({ claims: { exp: undefined } }),
        'not yet': await signed({ claims: { nbf: now() + 60 } }),
        nobody: await signed({ claims: { sub: undefined } }),
        "a stranger's key under a known name": await signed({ by: stranger }),
        'a key that nobody knows': await signed({ by: { ...stranger, kid: 'rsa-9' } }),
        'the public key as a shared secret': confused(Buffer.from(JSON.stringify(pem))),
        'its modulus as a shared secret': confused(Buffer.from(pem.n!, 'base64url')),
        'claims of its own about a key': await signed({
          claims: { iss: 'tauro', aud: 'tauro-api', sub: 'key_bootstrap' },
        }),
      };
      for (const [what, token] of Object.entries(wrong)) {
        expect([what, await statusOf(token)]).toEqual([what, 401]);
      }
      const jku = await signed({ by: { ...stranger, kid: 'x' }, header: { jku: provider.url } });
      expect(await statusOf(jku)).toBe(401);
      const posing = secured.bearing(await signed({ claims: { sub: 'key_bootstrap', roles: [] } }));
      expect((await secured.me(posing)).permissions).toEqual([]);
    });

    it('follow a rotation of its keys, both ways', async () => {
      const next = await pair('RS256', 'rsa-2');
      expect(await statusOf(await signed({ by: next }))).toBe(401);
      await provider.serve(next, ec);
      // The server does not ask for keys more often than every few seconds, whatever it is sent.
      await waitFor(async () => (await statusOf(await signed({ by: next }))) === 200);
      expect(await statusOf(await signed({ by: rsa }))).toBe(401);
      await provider.serve(rsa, ec);
    });

    it('are answered 503 while the provider is away and its keys are not known', async () => {
      provider.away = true;
      const other = await Secured.start({
        workers: 0,
        env: { JWT_JWKS_URL: provider.url, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE },
      });
      try {
        const bearer = other.bearing(await signed());
        const refused = await bearer.get(ME);
        expect([refused.status, refused.body.error.code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
        expect((await bearer.get('/health')).status).toBe(200);
        expect((await other.admin.get(ME)).status).toBe(200);
        provider.away = false;
        await waitFor(async () => (await bearer.get(ME)).status === 200);
      } finally {
        provider.away = false;
        await other.stop();
      }
    });
  });
});
