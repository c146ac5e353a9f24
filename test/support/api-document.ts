import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { type Answer } from './api-client.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- an OpenAPI document */

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

export interface Operation {
  /** `METHOD path`, with `{}` for every path parameter. */
  name: string;
  method: string;
  /** Its key in the document. */
  path: string;
  operation: any;
}

/** An OpenAPI document that answers and examples can be held against: field by field, none unknown. */
export class ApiDocument {
  readonly operations: Operation[];
  private readonly ajv = new Ajv2020({ allErrors: true, strict: false });

  constructor(readonly document: any) {
    this.operations = Object.entries<any>(document.paths).flatMap(([path, item]) =>
      METHODS.filter((method) => item[method]).map((method) => ({
        name: `${method.toUpperCase()} ${path.replace(/\{[^}]*\}/g, '{}')}`,
        method,
        path,
        operation: item[method],
      })),
    );
    addFormats.default(this.ajv);
    this.ajv.addSchema(closed(document), 'api');
  }

  /** What a reference inside the document stands for; anything else is itself. */
  resolve(node: any): any {
    return node?.$ref ? at(this.document, (node.$ref as string).slice(2).split('/')) : node;
  }

  /** What the value at `keys` is not, though the schema there says so; empty when it fits. */
  faults(value: unknown, ...keys: string[]): string[] {
    const pointer = keys.map((key) => key.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
    const validate: ValidateFunction | undefined = this.ajv.getSchema(`api#/${encodeURI(pointer)}`);
    if (!validate) return [`no schema at ${keys.join(' ')}`];
    if (validate(value)) return [];
    return validate.errors!.map(({ instancePath, message, params }) =>
      [instancePath || '/', message, JSON.stringify(params)].join(' '),
    );
  }

  /** Where an answer is not what the document says of it: status, headers, media type, or a field. */
  mismatches(method: string, path: string, { status, headers, body }: Answer): string[] {
    const found = this.find(method, path);
    if (!found) return ['the operation is not documented'];
    const response = this.resolve(found.operation.responses[status]);
    if (!response) return [`${status} is not documented: ${JSON.stringify(body)}`];
    const media = (headers.get('content-type') ?? 'none').split(';')[0]!;
    if (!response.content?.[media]) return [`${status} in ${media} is not documented`];
    const documented = Object.keys(response.headers ?? {});
    const missing = documented
      .filter((name) => this.resolve(response.headers[name]).required && !headers.has(name))
      .map((name) => `${name} was not sent`);
    const unsaid = ['ETag', 'Retry-After', 'RateLimit-Limit']
      .filter((name) => headers.has(name) && !documented.includes(name))
      .map((name) => `${name} is not documented`);
    const place = [
      'paths',
      found.path,
      found.method,
      'responses',
      String(status),
      'content',
      media,
      'schema',
    ];
    return [...missing, ...unsaid, ...this.faults(body, ...place)];
  }

  /** The operation that serves a path: one without parameters before one with them. */
  find(method: string, path: string): Operation | undefined {
    const asked = path.split('?')[0]!.split('/');
    return this.operations
      .filter((one) => one.method === method.toLowerCase())
      .filter(({ path: template }) => {
        const parts = template.split('/');
        return (
          parts.length === asked.length && parts.every((part, i) => part.startsWith('{') || part === asked[i])
        );
      })
      .sort((a, b) => a.path.split('{').length - b.path.split('{').length)[0];
  }
}

const at = (root: any, keys: string[]): any => keys.reduce((node, key) => node?.[key], root);

/** A copy in which no object has fields that its schema does not name. */
function closed(node: any): any {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== 'object' || node === null) return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, closed(value)]));
  const isSchema = copy.type === 'object' && copy.properties && copy.additionalProperties === undefined;
  return isSchema ? { ...copy, additionalProperties: false } : copy;
}
