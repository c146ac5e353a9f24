import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { connectionPurpose, secretPurpose } from '@tauro/domain';
import { Collections } from '@tauro/orchestration';
import { CannotUnseal, Env, isSealedByCurrent, seal, unseal } from '@tauro/platform';
import { type mongo } from 'mongoose';

/** Where something is kept sealed. */
interface Place {
  collection: mongo.Collection<{ _id: string; engine: { sealed: string | null } }>;
  /** What that of a document is sealed for. */
  purpose: (id: string) => string;
}

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
    const places: Place[] = [
      { collection: this.db.named('secrets'), purpose: secretPurpose },
      { collection: this.db.named('connections'), purpose: connectionPurpose },
    ];
    let sealed = 0;
    const lost: string[] = [];
    for (const place of places) {
      for await (const { _id, engine } of place.collection.find({ 'engine.sealed': { $type: 'string' } })) {
        if (isSealedByCurrent(this.env, engine.sealed!)) continue;
        if (await this.reseal(place, _id, engine.sealed!)) sealed++;
        else lost.push(_id);
      }
    }
    this.logger.log(`${sealed} secret(s) sealed anew; no secret needs SECRET_KEY_PREVIOUS any more`);
    if (lost.length > 0) {
      this.logger.warn(`no key opens ${lost.join(', ').slice(0, 1000)}: set their values again`);
    }
  }

  /** @returns false when no key that is there opens it. */
  private async reseal({ collection, purpose }: Place, _id: string, sealed: string): Promise<boolean> {
    let value: string;
    try {
      value = unseal(this.env, purpose(_id), sealed);
    } catch (error) {
      if (error instanceof CannotUnseal) return false;
      throw error;
    }
    const anew = seal(this.env, purpose(_id), value);
    await collection.updateOne({ _id, 'engine.sealed': sealed }, { $set: { 'engine.sealed': anew } });
    return true;
  }
}
