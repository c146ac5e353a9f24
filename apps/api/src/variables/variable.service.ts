import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Public, Variable, toPublic } from '@tauro/database';
import { invalid, notFound } from '@tauro/domain';
import { Collections } from '@tauro/orchestration';
import { type Model } from 'mongoose';
import { currentPrincipal } from '../auth/principal.js';
import { stale } from '../http/etag.js';
import { type Page } from '../http/envelope.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { newNamed, storeNamed } from '../named/new-named.js';
import { type CreateVariableDto, type UpdateVariableDto } from './variable.dto.js';
import { VARIABLE_LIST } from './variable.list.js';

/** Variables as the API shows and changes them. */
@Injectable()
export class VariableService {
  constructor(
    @InjectModel(Variable.name) private readonly variables: Model<Variable>,
    private readonly db: Collections,
  ) {}

  list(query: ListQuery): Promise<Page<Partial<Public<Variable>>>> {
    return findPage(this.variables, VARIABLE_LIST, query);
  }

  /** @throws DomainError NOT_FOUND */
  async get(id: string): Promise<Public<Variable>> {
    return toPublic(await this.existing(id));
  }

  /** @throws DomainError NOT_FOUND for the project, CONFLICT when the name is taken there. */
  async create(dto: CreateVariableDto, request_id: string): Promise<Public<Variable>> {
    const variable: Variable = { ...newNamed('var', dto, request_id), value: checked(dto.value) };
    await storeNamed('variable', this.db, this.db.variables, variable);
    return toPublic(variable);
  }

  /** @param expected the revision the client has seen. @throws DomainError NOT_FOUND, PRECONDITION_FAILED */
  async update(id: string, dto: UpdateVariableDto, expected: number | undefined): Promise<Public<Variable>> {
    const { value, description } = dto;
    const $set = {
      ...(description !== undefined && { description: description ?? '' }),
      ...(value !== undefined && { value: checked(value) }),
      updated_by: currentPrincipal().id,
      updated_at: new Date(),
    };
    const changed = await this.variables
      .findOneAndUpdate(
        { _id: id, ...(expected !== undefined && { revision: expected }) },
        { $set, $inc: { revision: 1 } },
        { returnDocument: 'after' },
      )
      .lean<Variable | null>();
    if (changed) return toPublic(changed);
    await this.existing(id);
    throw stale();
  }

  /** Also while pipelines name it: their attempts fail from then on, and say which one is not there. */
  async remove(id: string): Promise<void> {
    const { deletedCount } = await this.variables.deleteOne({ _id: id });
    if (deletedCount === 0) throw notFound('variable', id);
  }

  private async existing(id: string): Promise<Variable> {
    const variable = await this.variables.findById(id).lean<Variable | null>();
    if (!variable) throw notFound('variable', id);
    return variable;
  }
}

const MAX_BYTES = 32_768;

/** @throws DomainError VALIDATION_ERROR for a value that is missing or too large. */
function checked(value: unknown): unknown {
  if (value === undefined) throw invalid([{ field: 'value', message: 'is required', type: 'missing' }]);
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes <= MAX_BYTES) return value;
  const message = `is ${bytes} bytes as JSON, at most ${MAX_BYTES} are allowed`;
  throw invalid([{ field: 'value', message, type: 'too_long' }]);
}
