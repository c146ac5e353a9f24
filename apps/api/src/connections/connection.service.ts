import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { Connection, type Public, toPublic } from '@tauro/database';
import { invalid, notFound } from '@tauro/domain';
import { CONNECTION_KINDS, connectionFaults } from '@tauro/nodes';
import { Collections } from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import { type Model } from 'mongoose';
import { currentPrincipal } from '../auth/principal.js';
import { stale } from '../http/etag.js';
import { type Page } from '../http/envelope.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { newNamed, storeNamed } from '../named/new-named.js';
import { type CreateConnectionDto, type UpdateConnectionDto } from './connection.dto.js';
import { CONNECTION_LIST } from './connection.list.js';
import { type KeptSecret, keepSecret } from './kept-secret.js';

/** Connections as the API takes and describes them. */
@Injectable()
export class ConnectionService {
  constructor(
    @InjectModel(Connection.name) private readonly connections: Model<Connection>,
    private readonly db: Collections,
    private readonly env: Env,
  ) {}

  list(query: ListQuery): Promise<Page<Partial<Public<Connection>>>> {
    return findPage(this.connections, CONNECTION_LIST, query);
  }

  /** @throws DomainError NOT_FOUND */
  async get(id: string): Promise<Public<Connection>> {
    return toPublic(await this.existing(id));
  }

  /** @throws DomainError NOT_FOUND for the project, CONFLICT when the name is taken there, VALIDATION_ERROR */
  async create(dto: CreateConnectionDto, request_id: string): Promise<Public<Connection>> {
    const named = newNamed('conn', dto, request_id);
    const { kind, config } = dto;
    const secret = dto.secret ?? {};
    assertFits(kind, { config, secret });
    const connection: Connection = { ...named, kind, config, ...this.kept(named._id, secret) };
    await storeNamed('connection', this.db, this.db.connections, connection);
    return toPublic(connection);
  }

  /**
   * @param expected the revision the client has seen.
   * @throws DomainError NOT_FOUND, PRECONDITION_FAILED, VALIDATION_ERROR
   */
  async update(
    id: string,
    { description, config, secret }: UpdateConnectionDto,
    expected: number | undefined,
  ): Promise<Public<Connection>> {
    for (;;) {
      const before = await this.existing(id);
      if (expected !== undefined && before.revision !== expected) throw stale();
      assertFits(before.kind, { ...(config && { config }), ...(secret && { secret }) });
      const $set = {
        ...(description !== undefined && { description: description ?? '' }),
        ...(config && { config }),
        ...(secret && this.kept(id, secret, before)),
        updated_by: currentPrincipal().id,
        updated_at: new Date(),
      };
      // What stays as it was is that of the revision that was read.
      const changed = await this.connections
        .findOneAndUpdate(
          { _id: id, revision: before.revision },
          { $set, $inc: { revision: 1 } },
          { returnDocument: 'after' },
        )
        .lean<Connection | null>();
      if (changed) return toPublic(changed);
    }
  }

  /** Also while pipelines name it: their attempts fail from then on, and say which one is not there. */
  async remove(id: string): Promise<void> {
    const { deletedCount } = await this.connections.deleteOne({ _id: id });
    if (deletedCount === 0) throw notFound('connection', id);
  }

  /** @throws DomainError NOT_FOUND */
  async existing(id: string): Promise<Connection> {
    const connection = await this.connections.findById(id).lean<Connection | null>();
    if (!connection) throw notFound('connection', id);
    return connection;
  }

  private kept(id: string, given: Record<string, unknown>, before?: Connection): KeptSecret {
    return keepSecret(this.env, id, given as Record<string, string>, before);
  }
}

/** @throws DomainError VALIDATION_ERROR */
function assertFits(kind: string, given: { config?: unknown; secret?: unknown }): void {
  const faults = connectionFaults(CONNECTION_KINDS.get(kind)!, given);
  if (faults.length > 0) throw invalid(faults);
}
