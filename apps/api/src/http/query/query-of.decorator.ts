import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import { type Request } from 'express';
import { type QueryReader } from './query-reader.js';

const NAMES = Symbol('query parameter names');

/** The query, read and checked by `reader`, which also documents it: `@QueryOf(RUN_LIST) query: ListQuery`. */
export function QueryOf(reader: QueryReader<unknown>): ParameterDecorator {
  const parameter = createParamDecorator((_: unknown, context: ExecutionContext) =>
    reader.read(context.switchToHttp().getRequest<Request>().query),
  )();
  return (target, key, index) => {
    const method = Object.getOwnPropertyDescriptor(target, key!)!;
    Reflect.defineMetadata(NAMES, Object.keys(reader.params), method.value as object);
    for (const [name, field] of Object.entries(reader.params)) {
      const { description, schema, required = false, example } = field;
      ApiQuery({ name, description, schema, required, ...(example && { example }) })(target, key!, method);
    }
    parameter(target, key, index);
  };
}

/** The names that `QueryOf` allowed on a controller's method. */
export const queryNamesOf = (method: object): string[] =>
  (Reflect.getMetadata(NAMES, method) as string[] | undefined) ?? [];
