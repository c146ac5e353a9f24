import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { invalid } from '@tauro/domain';
import { type Request } from 'express';
import { shown } from './query-field.js';
import { queryNamesOf } from './query-of.decorator.js';

/** Refuses query parameters that the route does not know: a misspelt filter must not quietly match everything. */
@Injectable()
export class QueryGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const req = context.switchToHttp().getRequest<Request>();
    if (!req.url.includes('?')) return true;
    const known = queryNamesOf(context.getHandler());
    const unknown = Object.keys(req.query).filter((name) => !known.some((one) => covers(one, name)));
    if (unknown.length === 0) return true;
    const allowed = known.length > 0 ? `allowed: ${known.join(', ')}` : 'this route takes none';
    const message = `is not a query parameter here; ${allowed}`;
    throw invalid(unknown.map((name) => ({ field: shown(name), message, type: 'extra_forbidden' })));
  }
}

const covers = (known: string, name: string): boolean =>
  known.endsWith('*') ? name.startsWith(known.slice(0, -1)) : known === name;
