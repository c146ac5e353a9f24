import { Injectable, Logger } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { ApiKey } from '@tauro/database';
import {
  ALL_PERMISSIONS,
  BOOTSTRAP_KEY_ID,
  isCurrentSecret,
  isId,
  keyFault,
  keyIdOfSecret,
  sameHash,
} from '@tauro/domain';
import { apiKeyHash, Env } from '@tauro/platform';
import { type Model } from 'mongoose';
import { notValid } from '../challenge.js';
import { type Principal } from '../principal.js';
import { RoleBook } from '../roles/role-book.service.js';

const USE_NOTED_EVERY_MS = 60_000;

/** Tells whose key it is. Nothing is remembered from one request to the next, so a key ends everywhere at once. */
@Injectable()
export class KeyChecker {
  private readonly logger = new Logger(KeyChecker.name);
  private readonly hash: (secret: string) => string;
  private readonly bootstrapHash: string | undefined;

  constructor(
    @InjectModel(ApiKey.name) private readonly keys: Model<ApiKey>,
    private readonly roles: RoleBook,
    env: Env,
  ) {
    this.hash = apiKeyHash(env);
    this.bootstrapHash = env.BOOTSTRAP_API_KEY && this.hash(env.BOOTSTRAP_API_KEY);
  }

  /** @throws DomainError UNAUTHORIZED */
  async check(secret: string): Promise<Principal> {
    const hash = this.hash(secret);
    if (this.bootstrapHash && sameHash(this.bootstrapHash, hash)) return bootstrap('key');
    const id = keyIdOfSecret(secret);
    const key = id === undefined ? null : await this.find(id);
    if (!key) throw notValid();
    const now = new Date();
    if (!isCurrentSecret(key.engine.secrets, hash, now)) throw this.refusal(key, 'the secret is not its own');
    return this.principalOf(key, 'key', now);
  }

  /** Who holds a token that was made for the key. @throws DomainError UNAUTHORIZED */
  async holderOf(id: string): Promise<Principal> {
    if (id === BOOTSTRAP_KEY_ID && this.bootstrapHash) return bootstrap('token');
    const key = isId('key', id) ? await this.find(id) : null;
    if (!key) throw notValid();
    return this.principalOf(key, 'token', new Date());
  }

  private find(id: string): Promise<ApiKey | null> {
    return this.keys.findById(id).lean<ApiKey | null>();
  }

  private async principalOf(key: ApiKey, kind: 'key' | 'token', now: Date): Promise<Principal> {
    const fault = keyFault(key, now);
    if (fault) throw this.refusal(key, fault);
    this.noteUse(key, now);
    const { _id: id, name, roles, permissions, project_ids, expires_at } = key;
    const all = await this.roles.permissionsOf(roles, permissions);
    return { kind, id, name, roles, permissions: all, project_ids, expires_at };
  }

  private refusal({ _id }: ApiKey, why: string) {
    this.logger.warn(`${_id} was refused: ${why}`);
    return notValid();
  }

  /** Once a minute is enough to find keys that nobody uses; a write per request would cost more than the request. */
  private noteUse({ _id, last_used_at }: ApiKey, now: Date): void {
    const before = new Date(now.getTime() - USE_NOTED_EVERY_MS);
    if (last_used_at && last_used_at > before) return;
    // The others that use the key at this moment have seen the same; the first of them writes.
    this.keys
      .updateOne(
        { _id, $or: [{ last_used_at: null }, { last_used_at: { $lte: before } }] },
        { $set: { last_used_at: now } },
        { writeConcern: { w: 1 } },
      )
      .then(undefined, (error: Error) =>
        this.logger.warn(`the use of ${_id} was not noted: ${error.message}`),
      );
  }
}

const bootstrap = (kind: 'key' | 'token'): Principal => ({
  kind,
  id: BOOTSTRAP_KEY_ID,
  name: 'bootstrap',
  roles: ['admin'],
  permissions: ALL_PERMISSIONS,
  project_ids: null,
  expires_at: null,
});
