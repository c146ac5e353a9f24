import { Injectable, Logger } from '@nestjs/common';
import { type Run, type RunRemoval } from '@tauro/database';
import { DomainError, type ErrorDetail, isTerminalRun, notFound } from '@tauro/domain';
import { type mongo } from 'mongoose';
import { Collections, FAST } from './collections.js';
import { type Accepted, type CreateRun, type NewRun, RunCreation } from './run-creation.service.js';
import { RunRemovalService } from './retention/run-removal.service.js';
import { assertAll } from './together.js';
import { CANCELLABLE, ended, notEnded, RunService, STARTABLE } from './run.service.js';

/** Runs of one request that are followed up at the same time. */
const AT_ONCE = 50;
/** Tasks that are stored in one round trip. */
const TASKS_AT_ONCE = 5000;
/** A batch that is not stored by then never will be: what is there of it is removed. */
const UNBORN_MS = 600_000;

/**
 * Many runs at a time, all or none: what decides is one transaction each. What follows it (handing over, stopping) may be
 * cut short by a crash, and is then done by the reconciler as it would be for a single run.
 */
@Injectable()
export class RunBatch {
  private readonly logger = new Logger(RunBatch.name);

  constructor(
    private readonly db: Collections,
    private readonly creation: RunCreation,
    private readonly runs: RunService,
    private readonly removal: RunRemovalService,
  ) {}

  /**
   * Stores runs, and starts those that are to start at once.
   * @param wanted what each is made of, and what `RunCreation.accept` said to it.
   * @throws DomainError NOT_FOUND for a project that was deleted since.
   */
  async create(wanted: { input: CreateRun; accepted: Accepted }[]): Promise<Run[]> {
    const made = await Promise.all(
      wanted.map(({ input, accepted }) => this.creation.prepare(input, accepted)),
    );
    const { epoch } = this.db;
    const notes = await this.note(made);
    await this.insertTasks(made);
    const firstLines = made.flatMap(({ started }) => started?.firstLine ?? []);
    if (firstLines.length > 0) await this.db.logs.insertMany(firstLines, { ordered: false, ...FAST });
    await this.db.transaction(async (session) => {
      this.db.assertEpoch(epoch);
      await this.holdProjects(made, session);
      const { deletedCount } = await this.db.removals.deleteMany(notes, { session });
      // Somebody took it for dead, and may have removed its tasks already.
      if (deletedCount < made.length)
        throw new DomainError('SERVICE_UNAVAILABLE', 'Storing these runs took too long; nothing was created');
      await this.db.runs.insertMany(
        made.map(({ run }) => run),
        { session },
      );
    });
    const begun = new Map<string, Run>();
    await this.followUp(made, async ({ run, started }) => {
      if (started) begun.set(run._id, await started.begin());
    });
    return made.map(({ run }) => begun.get(run._id) ?? run);
  }

  /** @throws DomainError CONFLICT, NOT_FOUND with the places of those that cannot be started. */
  start(ids: string[]): Promise<Run[]> {
    return this.change(ids, {
      refused: (run) => (isTerminalRun(run.state) ? ended(run, 'started') : undefined),
      which: STARTABLE,
      update: this.runs.starting(new Date()),
      then: (run) => this.runs.started(run),
    });
  }

  /** @throws DomainError CONFLICT, NOT_FOUND with the places of those that cannot be cancelled. */
  cancel(ids: string[]): Promise<Run[]> {
    return this.change(ids, {
      refused: (run) => (isTerminalRun(run.state) ? ended(run, 'cancelled') : undefined),
      which: CANCELLABLE,
      update: this.runs.cancelling(new Date()),
      then: (run) => this.runs.cancelled(run),
    });
  }

  /** Removes runs that have ended. @throws DomainError CONFLICT, NOT_FOUND with the places of those that cannot be removed. */
  async delete(ids: string[]): Promise<void> {
    const settle = async (session?: mongo.ClientSession): Promise<void> => {
      await this.found(ids, (run) => (isTerminalRun(run.state) ? undefined : notEnded(run)), session);
    };
    await settle();
    await this.removal.removeTogether(ids, settle);
  }

  private async change(
    ids: string[],
    {
      refused,
      which,
      update,
      then,
    }: {
      refused: (run: Run) => DomainError | undefined;
      which: mongo.Filter<Run>;
      update: mongo.Document[];
      then: (run: Run) => Promise<void>;
    },
  ): Promise<Run[]> {
    let changed: string[] = [];
    await this.db.transaction(async (session) => {
      // Whoever changes one between this look and the write makes the transaction begin anew.
      await this.found(ids, refused, session);
      const these = { _id: { $in: ids }, ...which } as mongo.Filter<Run>;
      const found = this.db.runs.find(these, { session }).project<Pick<Run, '_id'>>({ _id: 1 });
      changed = (await found.toArray()).map(({ _id }) => _id);
      if (changed.length > 0) await this.db.runs.updateMany({ _id: { $in: changed } }, update, { session });
    });
    await this.followUp(await this.db.runs.find({ _id: { $in: changed } }).toArray(), then);
    return this.runs.withProgress(await this.found(ids));
  }

  /** In the order of their ids. @throws DomainError with the code of the first that is absent or refused, and all places. */
  private async found(
    ids: string[],
    refused: (run: Run) => DomainError | undefined = () => undefined,
    session?: mongo.ClientSession,
  ): Promise<Run[]> {
    const found = await this.db.runs.find({ _id: { $in: ids } }, { session }).toArray();
    const byId = new Map(found.map((run) => [run._id, run]));
    assertAll(ids, (id) => {
      const run = byId.get(id);
      return run ? refused(run) : notFound('run', id);
    });
    return ids.map((id) => byId.get(id)!);
  }

  /** Until the runs exist, what is stored for them counts as left behind by a removal. */
  private async note(made: NewRun[]): Promise<mongo.Filter<RunRemoval>> {
    const created_at = await this.db.now();
    const check_at = new Date(created_at.getTime() + UNBORN_MS);
    const notes = made.map(({ run }) => ({ _id: run._id, created_at, check_at }));
    await this.db.removals.insertMany(notes, FAST);
    return { _id: { $in: made.map(({ run }) => run._id) }, check_at };
  }

  private async insertTasks(made: NewRun[]): Promise<void> {
    const tasks = made.flatMap((one) => one.tasks);
    for (let at = 0; at < tasks.length; at += TASKS_AT_ONCE) {
      await this.db.tasks.insertMany(tasks.slice(at, at + TASKS_AT_ONCE), { ordered: false, ...FAST });
    }
  }

  /** Whoever deletes one of the projects does it before, and is seen here, or after, and sees the runs. */
  private async holdProjects(made: NewRun[], session: mongo.ClientSession): Promise<void> {
    const ids = [...new Set(made.map(({ run }) => run.project_id))];
    const these = { _id: { $in: ids } };
    const { matchedCount } = await this.db.projects.updateMany(
      these,
      { $set: { 'engine.batch_at': new Date() } },
      { session },
    );
    if (matchedCount === ids.length) return;
    const there = await this.db.projects
      .find(these, { session })
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    const details = made.flatMap(({ run: { project_id } }, i): ErrorDetail[] => {
      if (there.some(({ _id }) => _id === project_id)) return [];
      return [{ field: `runs.${i}`, message: `project '${project_id}' was not found`, type: 'not_found' }];
    });
    throw new DomainError('NOT_FOUND', details[0]!.message, details);
  }

  /** What is decided stands, whatever becomes of this. */
  private async followUp<T extends object>(all: T[], work: (one: T) => Promise<unknown>): Promise<void> {
    await this.eachOf(all, (one) =>
      work(one).catch((error: Error) => {
        this.logger.warn(`a run of a batch is left to the reconciler: ${error.message}`);
      }),
    );
  }

  private async eachOf<T>(all: T[], work: (one: T) => Promise<unknown> | undefined): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let i = next++; i < all.length; i = next++) await work(all[i]!);
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, all.length) }, worker));
  }
}
