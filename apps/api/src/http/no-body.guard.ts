import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { invalid } from '@tauro/domain';
import { type Request } from 'express';

/** Refuses fields sent to a route that takes no body, as any other route refuses the fields it does not know. */
@Injectable()
export class NoBodyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { method, body } = context.switchToHttp().getRequest<Request<never, unknown, unknown>>();
    if (body === undefined || method === 'GET' || takesBody(context)) return true;
    const fields = Object.keys(body as object);
    if (fields.length === 0) return true;
    const message = 'is not a field of this request, which has none';
    throw invalid(fields.slice(0, 100).map((field) => ({ field, message, type: 'extra_forbidden' })));
  }
}

/** Whether the controller's method has a `@Body()`. */
function takesBody(context: ExecutionContext): boolean {
  const { name } = context.getHandler();
  const parameters = Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), name) as object | undefined;
  return Object.keys(parameters ?? {}).some((key) => key.startsWith(`${RouteParamtypes.BODY}:`));
}
