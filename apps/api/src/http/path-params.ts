import { type PipeTransform } from '@nestjs/common';
import { type IdPrefix, idPattern, invalid, isId, NAME_PATTERN } from '@tauro/domain';

/** A path parameter that must be a well-formed id: `@Param('id', new IdPipe('run'))`. */
export class IdPipe implements PipeTransform<string, string> {
  constructor(
    private readonly prefix: IdPrefix,
    private readonly field = `${prefix}_id`,
  ) {}

  transform(value: string): string {
    if (isId(this.prefix, value)) return value;
    const message = `must be an id such as ${this.prefix}_abc123 (${idPattern(this.prefix).source})`;
    throw invalid([{ field: this.field, message, type: 'value_error' }]);
  }
}

/** A path parameter that is an id or a name: pipelines by their name, tasks by their node's id. */
export class IdOrNamePipe implements PipeTransform<string, string> {
  constructor(
    private readonly prefix: IdPrefix,
    private readonly field: string,
  ) {}

  transform(value: string): string {
    if (isId(this.prefix, value) || NAME_PATTERN.test(value)) return value;
    const message = `must be an id such as ${this.prefix}_abc123, or a name (${NAME_PATTERN.source})`;
    throw invalid([{ field: this.field, message, type: 'value_error' }]);
  }
}

/** A path parameter that counts from 1, such as the number of a version. */
export class NumberPipe implements PipeTransform<string, number> {
  constructor(private readonly field: string) {}

  transform(value: string): number {
    if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
    throw invalid([{ field: this.field, message: 'must be a whole number from 1', type: 'type_error' }]);
  }
}
