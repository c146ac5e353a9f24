import { type IdempotencyKey } from '@tauro/database';
import { conflict, DomainError } from '@tauro/domain';
import { type Collections } from '@tauro/orchestration';
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { type mongo } from 'mongoose';
import { openAnswer, sealAnswer } from './answer-seal.js';

/** For how long an answer is repeated. */
export const KEPT_HOURS = 24;
/** A process that died frees the keys of what it was carrying out after so long. */
const LEASE_MS = 30_000;
const RENEW_MS = 10_000;
/** When it is worth asking again while the first request is being carried out. */
const RETRY_AFTER_SECONDS = 1;
const DUPLICATE_KEY = 11000;
const MAX_TRIES = 5;

/** A request that carries a key. */
export interface KeyedRequest {
  /** Who asks: keys of different callers have nothing to do with each other. */
  caller: string;
  key: string;
  /** Digest of what is asked. */
  fingerprint: string;
}

/** The answer that was given the first time. */
export interface KeptAnswer {
  status: number;
  body: unknown;
}

/** The right to carry a request out. */
export interface Claim {
  keep: (answer: KeptAnswer) => Promise<void>;
  /** Nothing was done: the next one may try. */
  release: () => Promise<void>;
}

const NOW_PLUS = (ms: number): object => ({ $add: ['$$NOW', ms] });

/** Which request carries a key out, and what came of it. One document per key decides; its lease outlives no process. */
export class IdempotencyKeys {
  constructor(
    private readonly db: Collections,
    private readonly secret: string,
  ) {}

  /**
   * @returns the right to carry the request out, or the answer that is there already. @throws DomainError CONFLICT when
   * the key belongs to another request, or to this one while somebody else carries it out.
   */
  async enter(request: KeyedRequest): Promise<Claim | KeptAnswer> {
    const _id = idOf(request);
    // The body may have what can be guessed and must not be, such as a secret: without the key the digest tells nothing.
    const fingerprint = createHmac('sha256', this.secret).update(request.fingerprint).digest('hex');
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const claim = randomUUID();
      if (await this.insert(_id, claim, fingerprint)) return this.holding(_id, claim, request.key);
      const there = await this.db.idempotencyKeys.findOne({ _id });
      if (!there) continue;
      if (there.expires_at <= new Date()) {
        // MongoDB removes them once a minute.
        await this.db.idempotencyKeys.deleteOne({ _id, claim: there.claim });
        continue;
      }
      if (there.fingerprint !== fingerprint) throw usedForAnother();
      if (there.status !== null) return { status: there.status, body: await this.open(there, request.key) };
      if (await this.takeOver(there, claim)) return this.holding(_id, claim, request.key);
      break;
    }
    throw new DomainError(
      'CONFLICT',
      'A request with this Idempotency-Key is being carried out; ask again for its answer',
      [],
      RETRY_AFTER_SECONDS,
    );
  }

  /** @returns false when the key is known already. */
  private async insert(_id: string, claim: string, fingerprint: string): Promise<boolean> {
    const set = {
      fingerprint,
      claim,
      lease_until: NOW_PLUS(LEASE_MS),
      status: null,
      answer: null,
      expires_at: NOW_PLUS(KEPT_HOURS * 3_600_000),
    };
    try {
      // An update, because only that can take the database's clock; one that is there never matches.
      await this.db.idempotencyKeys.updateOne({ _id, claim: { $exists: false } }, [{ $set: set }], {
        upsert: true,
      });
      return true;
    } catch (error) {
      if ((error as mongo.MongoServerError).code !== DUPLICATE_KEY) throw error;
      return false;
    }
  }

  /** From a process that has died. */
  private async takeOver({ _id, claim: held }: IdempotencyKey, claim: string): Promise<boolean> {
    const { modifiedCount } = await this.db.idempotencyKeys.updateOne(
      { _id, claim: held, status: null, $expr: { $lt: ['$lease_until', '$$NOW'] } },
      [{ $set: { claim, lease_until: NOW_PLUS(LEASE_MS) } }],
    );
    return modifiedCount === 1;
  }

  private holding(_id: string, claim: string, key: string): Claim {
    const ours = { _id, claim, status: null };
    const renewal = setInterval(() => {
      const lease = [{ $set: { lease_until: NOW_PLUS(LEASE_MS) } }];
      this.db.idempotencyKeys.updateOne(ours, lease).catch(() => undefined);
    }, RENEW_MS).unref();
    return {
      keep: async ({ status, body }) => {
        clearInterval(renewal);
        const answer = await sealAnswer(this.secret, key, body);
        await this.db.idempotencyKeys
          .updateOne(ours, { $set: { status, answer: answer as unknown as Buffer<ArrayBuffer> } })
          // More than a document can hold: that it was done is kept at least.
          .catch(() => this.db.idempotencyKeys.updateOne(ours, { $set: { status } }));
      },
      release: async () => {
        clearInterval(renewal);
        await this.db.idempotencyKeys.deleteOne(ours);
      },
    };
  }

  private async open({ answer }: IdempotencyKey, key: string): Promise<unknown> {
    // The driver gives what was stored as a buffer in its own wrapping.
    const bytes = answer as unknown as mongo.Binary | null;
    const body = bytes && (await openAnswer(this.secret, key, Buffer.from(bytes.buffer)));
    if (body) return body;
    throw conflict('The request with this Idempotency-Key was carried out, but its answer was not kept');
  }
}

const idOf = ({ caller, key }: KeyedRequest): string =>
  createHash('sha256')
    .update(JSON.stringify([caller, key]))
    .digest('hex');

const usedForAnother = (): DomainError =>
  conflict('This Idempotency-Key was used for another request; use a new one for each', [
    {
      field: 'Idempotency-Key',
      message: 'belongs to a request with another method, path or body',
      type: 'conflict',
    },
  ]);
