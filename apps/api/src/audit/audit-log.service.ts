import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { AuditEntry, type Public, toPublic } from '@tauro/database';
import { contentHash, notFound } from '@tauro/domain';
import { Batches, Collections, joinedFind } from '@tauro/orchestration';
import { type mongo, type Model } from 'mongoose';
import { currentScope } from '../auth/principal.js';
import { type Page } from '../http/envelope.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { type Condition } from '../http/paging/list-spec.js';
import { AUDIT_LIST } from './audit.list.js';
import { resourceOf } from './audit-resources.js';

/** A stored thing, and what tells whether it changed. */
export interface Snapshot {
  hash: string;
  project_id: string | null;
}

interface Stored {
  _id: string;
  project_id?: string | null;
}

/** Where entries are added and read; nothing else is ever done to them. */
@Injectable()
export class AuditLog {
  /** Entries of requests that end at the same time share a round trip and a sync of the journal. */
  private readonly entries = new Batches<AuditEntry, void>(async (entries) => {
    await this.db.audit.insertMany(entries, { ordered: false });
    return entries.map(() => undefined);
  });
  private readonly finders = new Map<string, Batches<string, Stored | null>>();

  constructor(
    @InjectModel(AuditEntry.name) private readonly model: Model<AuditEntry>,
    private readonly db: Collections,
  ) {}

  /** Resolves once it is stored for good. @throws when the database is away. */
  add(entry: AuditEntry): Promise<void> {
    return this.entries.ask(entry);
  }

  /** A thing as it is now, without what only the engine needs; null when it is not there. */
  async snapshot(id: string): Promise<Snapshot | null> {
    const found = await this.finder(resourceOf(id)!.collection).ask(id);
    return found && this.snapshotOf(found);
  }

  /** The same of a thing that is known. */
  snapshotOf(found: Stored): Snapshot {
    return {
      hash: contentHash(toPublic(found)),
      project_id: found._id.startsWith('proj_') ? found._id : (found.project_id ?? null),
    };
  }

  list(query: ListQuery): Promise<Page<Partial<Public<AuditEntry>>>> {
    return findPage(this.model, AUDIT_LIST, query, this.own());
  }

  /** @throws DomainError NOT_FOUND */
  async get(id: string): Promise<Public<AuditEntry>> {
    const entry = await this.db.audit.findOne({ _id: id, ...this.own() });
    if (!entry) throw notFound('audit entry', id);
    return toPublic(entry);
  }

  /** All that fit, the oldest first, read as they are asked for. */
  async *all(conditions: Condition[]): AsyncGenerator<Public<AuditEntry>> {
    const filter = { $and: [{}, this.own(), ...conditions] } as mongo.Filter<AuditEntry>;
    const cursor = this.db.audit.find(filter).sort({ created_at: 1, _id: 1 }).batchSize(500);
    for await (const entry of cursor) yield toPublic(entry);
  }

  /** Who is confined to projects sees what was done to these, and nothing of the deployment. */
  private own(): { project_id?: { $in: string[] } } {
    const scope = currentScope();
    return scope ? { project_id: { $in: [...scope] } } : {};
  }

  private finder(collection: string): Batches<string, Stored | null> {
    let finder = this.finders.get(collection);
    if (!finder) {
      finder = joinedFind<Stored>(() => this.db.named<Stored>(collection));
      this.finders.set(collection, finder);
    }
    return finder;
  }
}
