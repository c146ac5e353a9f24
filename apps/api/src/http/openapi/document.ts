import { type INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { type ErrorCode } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { VERSION } from '../../version.js';
import { errorResponse, modelSchemas, modelsWithId } from './decorators.js';
import { ErrorEnvelope, ListMeta, ResponseMeta } from './envelope.dto.js';
import { addHeaders, headerComponents } from './headers.js';

const EVERYWHERE: ErrorCode[] = [
  'FORBIDDEN',
  'VALIDATION_ERROR',
  'RATE_LIMIT_EXCEEDED',
  'INTERNAL_ERROR',
  'SERVICE_UNAVAILABLE',
  'TIMEOUT',
];
const WITH_BODY: ErrorCode[] = ['BAD_REQUEST', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];
const WITH_KEY: ErrorCode[] = ['CONFLICT'];
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

const DESCRIPTION = `Orchestrates, executes and monitors data pipelines.

Answers are \`{data, meta}\`, errors \`{error: {code, message, details}, meta}\`; the HTTP status always matches.
Unknown fields and query parameters are refused.`;

const API_KEY = 'A key of `/api/v1/keys`. Needed while the server runs with `ENABLE_AUTH=true`.';
const BEARER =
  'A token of `POST /api/v1/auth/token`, or of the identity provider that the server trusts, instead of a key.';

/** The OpenAPI document of the routes that are mounted. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const apiKeyHeader = app.get(Env).API_KEY_HEADER;
  const config = new DocumentBuilder()
    // The first version in which a reference can be nullable.
    .setOpenAPIVersion('3.1.0')
    .setTitle('Tauro API')
    .setDescription(DESCRIPTION)
    .setVersion(VERSION)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer('/')
    .addApiKey({ type: 'apiKey', in: 'header', name: apiKeyHeader, description: API_KEY }, 'api_key')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: BEARER }, 'bearer')
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory: (_controller, method) => method,
    extraModels: [ErrorEnvelope, ListMeta, ResponseMeta],
  });
  for (const [template, path] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = path[method];
      if (!operation) continue;
      // What anybody may call has nobody whose keys they could be.
      const takesKey = method === 'post' && operation.security !== undefined;
      addCommonErrors(template, operation, takesKey);
      addHeaders(operation, takesKey);
    }
  }
  document.components = { ...document.components, ...headerComponents };
  const schemas = (document.components.schemas ??= {});
  for (const [name, schema] of modelSchemas) if (name in schemas) schemas[name] = schema;
  for (const name of modelsWithId) addId(schemas[name]);
  return document;
}

/** The schema classes have MongoDB's `_id`, which is hidden; clients see it as `id`. */
function addId(schema: unknown): void {
  const model = schema as { properties: Record<string, unknown>; required?: string[] } | undefined;
  if (!model) return;
  model.properties = { id: { type: 'string' }, ...model.properties };
  model.required = ['id', ...(model.required ?? [])];
}

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

function addCommonErrors(template: string, operation: Operation, takesKey: boolean): void {
  for (const code of commonErrors(template, operation, takesKey)) {
    const { status, ...response } = errorResponse(code);
    operation.responses[status] ??= response;
  }
}

function commonErrors(template: string, operation: Operation, takesKey: boolean): ErrorCode[] {
  // Health answers its own body whatever happens; only a query that nobody asked for is refused.
  if (operation.tags?.includes('health')) return ['VALIDATION_ERROR'];
  // A path may be no percent-encoding.
  const inPath: ErrorCode[] = template.includes('{') ? ['BAD_REQUEST'] : [];
  const ofBody = operation.requestBody ? WITH_BODY : [];
  return [...EVERYWHERE, ...inPath, ...ofBody, ...(takesKey ? WITH_KEY : [])];
}
