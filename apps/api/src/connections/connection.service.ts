import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { Connection, type Public, toPublic } from '@tauro/database';
import { conflict, type DomainError, invalid, newId, notFound } from '@tauro/domain';
import { CONNECTION_KINDS, connectionFaults } from '@tauro/nodes';
import { Collections, DUPLICATE_KEY, insertNamed } from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import { type Model } from 'mongoose';
import { confined } from '../auth/access.guard.js';
import { currentPrincipal, currentScope } from '../auth/principal.js';
import { stale } from '../http/etag.js';
import { type Page } from '../http/envelope.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
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
    const { name, kind, config, project_id = null } = dto;
    if (project_id === null && currentScope()) throw confined();
    assertFits(kind, { config, secret: dto.secret ?? {} });
    const now = new Date();
    const _id = newId('conn', now.getTime());
    const by = currentPrincipal().id;
    const connection: Connection = {
      _id,
      project_id,
      name,
      kind,
      description: dto.description ?? '',
      config,
      ...this.kept(_id, dto.secret ?? {}),
      created_by: by,
      updated_by: by,
      created_at: now,
      updated_at: now,
      revision: 1,
      request_id,
    };
    try {
      await insertNamed(this.db, this.db.connections, connection);
    } catch (error) {
      throw (error as { code?: unknown }).code === DUPLICATE_KEY ? taken(connection) : error;
    }
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

const taken = ({ name, project_id }: Connection): DomainError =>
  conflict(`there is a connection '${name}' ${project_id ? 'in the project' : 'for all projects'} already`, [
    { field: 'name', message: 'is taken', type: 'conflict' },
  ]);
