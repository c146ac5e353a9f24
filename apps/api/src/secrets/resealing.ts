import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { type Secret } from '@tauro/database';
import { secretPurpose } from '@tauro/domain';
import { Collections } from '@tauro/orchestration';
import { CannotUnseal, Env, isSealedByCurrent, seal, unseal } from '@tauro/platform';

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
    const lost: string[] = [];
    for await (const secret of this.db.secrets.find()) {
      if (isSealedByCurrent(this.env, secret.engine.sealed)) continue;
      if (await this.reseal(secret)) sealed++;
      else lost.push(secret._id);
    }
    this.logger.log(`${sealed} secret(s) sealed anew; no secret needs SECRET_KEY_PREVIOUS any more`);
    if (lost.length > 0) {
      this.logger.warn(`no key opens ${lost.join(', ').slice(0, 1000)}: set their values again`);
    }
  }

  /** @returns false when no key that is there opens it. */
  private async reseal({ _id, engine: { sealed } }: Secret): Promise<boolean> {
    let value: string;
    try {
      value = unseal(this.env, secretPurpose(_id), sealed);
    } catch (error) {
      if (error instanceof CannotUnseal) return false;
      throw error;
    }
    const anew = seal(this.env, secretPurpose(_id), value);
    await this.db.secrets.updateOne({ _id, 'engine.sealed': sealed }, { $set: { 'engine.sealed': anew } });
    return true;
  }
}
