import { applyDecorators, type Type } from '@nestjs/common';
import { ApiBody, ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { Document } from '@tauro/database';
import { ERROR_STATUS, type ErrorCode } from '@tauro/domain';
import { ErrorBody, ErrorEnvelope, ListMeta, ResponseMeta } from './envelope.dto.js';
import { ERROR_EXAMPLES, exampleOf, META_EXAMPLE } from './examples.js';

type Method = MethodDecorator;

/** Models of stored documents: they are shown with an `id`, which no schema class has. */
export const modelsWithId = new Set<string>();

/** Schemas of models whose shape is said elsewhere, by the model's name. */
export const modelSchemas = new Map<string, object>();

/** The model is documented by this JSON Schema, which is the one that it is checked with. */
export const SchemaIs =
  (schema: object): ClassDecorator =>
  (model) =>
    void modelSchemas.set(model.name, schema);

interface DataOptions {
  description?: string;
  /** Other media types it can come in, with an example of each. */
  texts?: Record<string, string>;
  /** What stands in `meta`, when it is more than usual. */
  meta?: Type<ResponseMeta>;
}

/** The answer is one `model` in the envelope. */
export function ApiData(model: Type, status = 200, options: DataOptions = {}): Method {
  const { description = model.name, texts, meta = ResponseMeta } = options;
  const schema = envelope({ $ref: getSchemaPath(model) }, meta);
  const example = { data: exampleOf(model), meta: exampleOf(meta) };
  return answer([model, meta], status, description, schema, example, texts);
}

/** The answer is a page of `model`s. */
export function ApiList(
  model: Type,
  description = `A page of ${model.name}`,
  texts: Record<string, string> = {},
): Method {
  const schema = envelope({ type: 'array', items: { $ref: getSchemaPath(model) } }, ListMeta);
  const page = { total: 1, limit: 50, offset: 0, has_more: false, next_cursor: null };
  const example = { data: [exampleOf(model)], meta: { ...page, ...META_EXAMPLE } };
  return answer([model, ListMeta], 200, description, schema, example, texts);
}

/** The answer is a `model` for each item of a batch, or, with `partial`, what came of each. */
export function ApiBatch(model: Type, status = 200): Method {
  const all = { type: 'array', items: { $ref: getSchemaPath(model) } };
  const properties = {
    index: { type: 'integer', minimum: 0, description: 'Its place in the request.' },
    status: { type: 'integer', description: 'What it would have answered alone.' },
    data: { $ref: getSchemaPath(model) },
    error: { $ref: getSchemaPath(ErrorBody) },
  };
  const each = { type: 'array', items: { type: 'object', required: ['index', 'status'], properties } };
  const done = { index: 0, status, data: exampleOf(model) };
  const refused = { index: 1, status: ERROR_STATUS.NOT_FOUND, error: ERROR_EXAMPLES.NOT_FOUND };
  const partial = `With \`partial\`: what came of each item`;
  const answerWith = (code: number, data: object, description: string, shown: unknown[]): Method =>
    answer([model, ErrorBody, ResponseMeta], code, description, envelope(data, ResponseMeta), {
      data: shown,
      meta: META_EXAMPLE,
    });
  if (status === 200) return answerWith(200, { oneOf: [all, each] }, partial, [done, refused]);
  return applyDecorators(
    answerWith(status, all, `A ${model.name} for each item`, [exampleOf(model)]),
    answerWith(200, each, partial, [done, refused]),
  );
}

/** The answer is a stream of events, such as `example`. */
export const ApiEventStream = (description: string, example: string): Method =>
  ApiResponse({
    status: 200,
    description,
    content: { 'text/event-stream': { schema: { type: 'string' }, example } },
  });

/** The answer is one JSON object a line, such as `example`. */
export const ApiLines = (description: string, example: string): Method =>
  ApiResponse({
    status: 200,
    description,
    content: { 'application/x-ndjson': { schema: { type: 'string' }, example } },
  });

/** The answer is a file in one of these media types, each with an example of its text, or null where it is no text. */
export const ApiFile = (description: string, types: Record<string, string | null>): Method =>
  ApiResponse({
    status: 200,
    description,
    content: Object.fromEntries(
      Object.entries(types).map(([type, example]) => [
        type,
        {
          schema: { type: 'string', ...(example === null && { format: 'binary' }) },
          ...(example !== null && { example }),
        },
      ]),
    ),
  });

/** The errors that this operation has besides those every operation has (see `document.ts`). */
export const ApiErrors = (...codes: ErrorCode[]): Method =>
  applyDecorators(ApiExtraModels(ErrorEnvelope), ...codes.map((code) => ApiResponse(errorResponse(code))));

export function errorResponse(code: ErrorCode) {
  const schema = { $ref: getSchemaPath(ErrorEnvelope) };
  const example = { error: ERROR_EXAMPLES[code], meta: META_EXAMPLE };
  return {
    status: ERROR_STATUS[code],
    description: `\`${code}\`: ${ERROR_EXAMPLES[code].message}`,
    content: { 'application/json': { schema, example } },
  };
}

/** The body is a `model`, such as `example`. */
export const ApiInput = (model: Type, example: unknown, required = true): Method =>
  ApiBody({ type: model, required, examples: { example: { value: example } } });

function envelope(data: object, meta: Type): object {
  return {
    type: 'object',
    required: ['data', 'meta'],
    properties: { data, meta: { $ref: getSchemaPath(meta) } },
  };
}

function answer(
  models: Type[],
  status: number,
  description: string,
  schema: object,
  example: unknown,
  texts: Record<string, string> = {},
): Method {
  const content = Object.fromEntries(
    Object.entries(texts).map(([type, text]) => [type, { schema: { type: 'string' }, example: text }]),
  );
  for (const model of models) if (model.prototype instanceof Document) modelsWithId.add(model.name);
  return applyDecorators(
    ApiExtraModels(...models),
    ApiResponse({ status, description, content: { 'application/json': { schema, example }, ...content } }),
  );
}
