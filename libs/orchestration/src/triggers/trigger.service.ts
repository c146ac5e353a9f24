import { Injectable } from '@nestjs/common';
import { type Trigger } from '@tauro/database';
import { circleThrough, DomainError, invalid, newId, notFound } from '@tauro/domain';
import { createHash, randomBytes } from 'node:crypto';
import { Clock } from '../clock.js';
import { Collections } from '../collections.js';

/** What a trigger is created with; its defaults are filled in. */
export type NewTrigger = Omit<
  Trigger,
  '_id' | 'created_at' | 'updated_at' | 'revision' | 'has_secret' | 'engine'
> & {
  /** Sealed; null for none. */
  secret: string | null;
};

/** What can be changed. */
export type TriggerChanges = Partial<Omit<NewTrigger, 'project_id' | 'kind' | 'request_id'>>;

const TOKEN_BYTES = 32;

/** The part of a webhook's address that nobody can guess. */
export const newToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url');

/** What is kept of a token. A digest without salt will do: it has 256 random bits. */
export const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** The life of a trigger as its owner steers it. What follows an event is in RunTriggers and HookCalls. */
@Injectable()
export class TriggerService {
  constructor(
    private readonly db: Collections,
    private readonly clock: Clock,
  ) {}

  /** @param token of its address, for a WEBHOOK. @throws DomainError NOT_FOUND, VALIDATION_ERROR for a circle. */
  async create({ secret, ...wanted }: NewTrigger, token: string | null): Promise<Trigger> {
    const now = await this.clock.now();
    const trigger: Trigger = {
      ...wanted,
      _id: newId('trg', now.getTime()),
      has_secret: secret !== null,
      created_at: now,
      updated_at: now,
      revision: 1,
      engine: { secret, ...(token && { token_hash: hashOf(token) }) },
    };
    await this.assertNoCircle(trigger);
    await this.db.triggers.insertOne(trigger);
    try {
      // Looked at again: whoever closes a circle, or deletes the project, at this moment finds this one, or this finds that.
      await this.assertNoCircle(trigger);
      await this.assertProject(trigger);
    } catch (error) {
      await this.db.triggers.deleteOne({ _id: trigger._id });
      throw error;
    }
    return trigger;
  }

  /** @throws DomainError NOT_FOUND */
  async get(id: string): Promise<Trigger> {
    const trigger = await this.db.triggers.findOne({ _id: id });
    if (!trigger) throw notFound('trigger', id);
    return trigger;
  }

  /** The one with this token in its address. */
  byToken(token: string): Promise<Trigger | null> {
    return this.db.triggers.findOne({ 'engine.token_hash': hashOf(token) });
  }

  /**
   * Changes a trigger. What waits for other pipelines is forgotten when it is about them.
   * @param current as it was read; PRECONDITION_FAILED when it has changed since. @throws DomainError
   */
  async update(current: Trigger, { secret, ...changes }: TriggerChanges): Promise<Trigger> {
    await this.assertNoCircle({ ...current, ...changes });
    const set = {
      ...changes,
      ...(secret !== undefined && { 'engine.secret': secret, has_secret: secret !== null }),
    };
    const after = await this.write(current, set);
    if (changes.after || changes.on || changes.enabled !== undefined) await this.forgetWaiting(current._id);
    return after;
  }

  /** Gives it another address; the old one is nobody's from now on. @param secret sealed, if it is to change too. */
  rotate(current: Trigger, token: string, secret?: string): Promise<Trigger> {
    return this.write(current, {
      'engine.token_hash': hashOf(token),
      ...(secret !== undefined && { 'engine.secret': secret, has_secret: true }),
    });
  }

  /** Removes it with the record of its events; its runs stay. */
  async remove(id: string): Promise<void> {
    const { deletedCount } = await this.db.triggers.deleteOne({ _id: id });
    if (deletedCount === 0) throw notFound('trigger', id);
    await this.db.triggerEvents.deleteMany({ trigger_id: id });
  }

  /** Removes all of these projects. */
  async removeOf(project_ids: string[]): Promise<void> {
    const theirs = { project_id: { $in: project_ids } };
    await this.db.triggers.deleteMany(theirs);
    await this.db.triggerEvents.deleteMany(theirs);
  }

  private async write({ _id, revision }: Trigger, set: object): Promise<Trigger> {
    const after = await this.db.triggers.findOneAndUpdate(
      { _id, revision },
      { $set: { ...set, updated_at: await this.clock.now() }, $inc: { revision: 1 } },
      { returnDocument: 'after' },
    );
    if (after) return after;
    await this.get(_id);
    throw new DomainError(
      'PRECONDITION_FAILED',
      'It has changed since: If-Match does not match its current ETag',
    );
  }

  private async forgetWaiting(trigger_id: string): Promise<void> {
    await this.db.triggerEvents.updateMany(
      { trigger_id, state: 'WAITING' },
      { $set: { state: 'SKIPPED', reason: 'its trigger was changed', updated_at: new Date() } },
    );
  }

  /** Disabled ones count: they would close the circle when they are enabled. */
  private async assertNoCircle(trigger: Trigger): Promise<void> {
    if (!trigger.after) return;
    const { project_id, _id } = trigger;
    const others = await this.db.triggers.find({ project_id, kind: 'PIPELINE', _id: { $ne: _id } }).toArray();
    const link = (one: Trigger) => ({ pipeline_id: one.pipeline_id, after: one.after! });
    const way = circleThrough(link(trigger), others.map(link));
    if (!way) return;
    const names = new Map(
      [trigger, ...others].flatMap((one) => [
        [one.pipeline_id, one.pipeline_name] as const,
        ...one.after!.map((id, i) => [id, one.after_names![i]!] as const),
      ]),
    );
    const shown = way.map((id) => names.get(id)).join(' -> ');
    const message = `would start runs in a circle: ${shown}`;
    throw invalid([{ field: 'after', message, type: 'cycle' }]);
  }

  private async assertProject({ project_id }: Trigger): Promise<void> {
    const project = await this.db.projects.findOne({ _id: project_id }, { projection: { _id: 1 } });
    if (!project) throw notFound('project', project_id);
  }
}
