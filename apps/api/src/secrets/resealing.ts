import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import {
  connectionPurpose,
  HOOK_PURPOSE,
  type SealedSecret,
  secretPurpose,
  WEBHOOK_PURPOSE,
} from '@tauro/domain';
import { Collections } from '@tauro/orchestration';
import { CannotUnseal, Env, isSealedByCurrent, seal, unseal } from '@tauro/platform';
import { type mongo } from 'mongoose';

/** A sealed text within a document. */
interface Kept {
  path: string;
  sealed?: string | null;
  purpose: string;
}

interface Engine {
  sealed?: string | null;
  secret?: string | null;
  webhook_secrets?: SealedSecret[];
}

const ofWebhooks = (_id: string, { webhook_secrets = [] }: Engine): Kept[] =>
  webhook_secrets.map(({ sealed }, i) => ({
    path: `engine.webhook_secrets.${i}.sealed`,
    sealed,
    purpose: WEBHOOK_PURPOSE,
  }));
const sealedFor =
  (purpose: (id: string) => string) =>
  (_id: string, { sealed }: Engine): Kept[] => [{ path: 'engine.sealed', sealed, purpose: purpose(_id) }];

/** Wherever something is kept sealed, by collection. */
const PLACES: Record<string, (id: string, engine: Engine) => Kept[]> = {
  secrets: sealedFor(secretPurpose),
  connections: sealedFor(connectionPurpose),
  projects: ofWebhooks,
  schedules: ofWebhooks,
  triggers: (_id, { secret }) => [{ path: 'engine.secret', sealed: secret, purpose: HOOK_PURPOSE }],
  notifications: sealedFor(() => WEBHOOK_PURPOSE),
};

/**
 * Seals secrets anew that SECRET_KEY_PREVIOUS has sealed, at every start while there is one, and says when that can be
 * taken away. Several processes may do it at once: a secret that was changed meanwhile is left alone.
 */
@Injectable()
export class Resealing implements OnApplicationBootstrap {
  private readonly logger = new Logger('Secrets');

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.env.SECRET_KEY_PREVIOUS === undefined) return;
    let sealed = 0;
    const lost = new Set<string>();
    for (const [name, keptIn] of Object.entries(PLACES)) {
      const documents = this.db.named<{ _id: string; engine: Engine }>(name);
      for await (const { _id, engine } of documents.find(
        { engine: { $exists: true } },
        { projection: { engine: 1 } },
      )) {
        for (const kept of keptIn(_id, engine)) {
          if (!kept.sealed || isSealedByCurrent(this.env, kept.sealed)) continue;
          if (await this.reseal(documents, _id, kept)) sealed++;
          else lost.add(_id);
        }
      }
    }
    this.logger.log(`${sealed} secret(s) sealed anew; no secret needs SECRET_KEY_PREVIOUS any more`);
    if (lost.size > 0) {
      this.logger.warn(`no key opens ${[...lost].join(', ').slice(0, 1000)}: set their values again`);
    }
  }

  /** @returns false when no key that is there opens it. */
  private async reseal(
    documents: mongo.Collection<{ _id: string; engine: Engine }>,
    _id: string,
    { path, sealed, purpose }: Kept,
  ): Promise<boolean> {
    let value: string;
    try {
      value = unseal(this.env, purpose, sealed!);
    } catch (error) {
      if (error instanceof CannotUnseal) return false;
      throw error;
    }
    await documents.updateOne({ _id, [path]: sealed }, { $set: { [path]: seal(this.env, purpose, value) } });
    return true;
  }
}
