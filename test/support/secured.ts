import { randomBytes } from 'node:crypto';
import { ApiClient } from './api-client.js';
import { Tauro, type TauroOptions } from './tauro.js';
import { expectStatus } from './user.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

export interface Made {
  id: string;
  secret: string;
  /** Who sends this key with every request. */
  client: ApiClient;
}

/** A Tauro that asks everybody who they are, and its first administrator. */
export class Secured {
  readonly admin: ApiClient;

  private constructor(readonly tauro: Tauro) {
    this.admin = this.as(tauro.env.BOOTSTRAP_API_KEY!);
  }

  static async start({ env = {}, ...options }: TauroOptions = {}): Promise<Secured> {
    return new Secured(
      await Tauro.start({
        ...options,
        env: {
          ENABLE_AUTH: 'true',
          SECRET_KEY: randomBytes(32).toString('base64'),
          BOOTSTRAP_API_KEY: randomBytes(32).toString('base64url'),
          ...env,
        },
      }),
    );
  }

  stop(): Promise<void> {
    return this.tauro.stop();
  }

  as(secret: string): ApiClient {
    return new ApiClient(this.tauro.url, { 'x-api-key': secret });
  }

  bearing(token: string): ApiClient {
    return new ApiClient(this.tauro.url, { authorization: `Bearer ${token}` });
  }

  /** A new key, made by the administrator unless somebody else is named. */
  async key(fields: object = {}, maker = this.admin): Promise<Made> {
    const body = { name: 'made for a test', ...fields };
    const { id, secret } = expectStatus(await maker.post('/api/v1/keys', body), 201);
    return { id, secret, client: this.as(secret) };
  }

  async me(client: ApiClient): Promise<any> {
    return expectStatus(await client.get('/api/v1/auth/me'), 200);
  }

  async token(client: ApiClient): Promise<string> {
    return expectStatus(await client.post('/api/v1/auth/token'), 200).access_token;
  }
}
