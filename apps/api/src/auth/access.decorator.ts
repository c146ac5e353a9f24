import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';
import { type Permission } from '@tauro/domain';
import { ApiErrors } from '../http/openapi/decorators.js';

const ACCESS = 'tauro:access';

/** Who may use a route. */
export type Access =
  | { open: true }
  | {
      open: false;
      permission: Permission | undefined;
      /** It concerns the whole deployment, so who is confined to projects may not use it. */
      deployment: boolean;
    };

interface Options {
  /** The route concerns the whole deployment: callers who are confined to projects are refused. */
  deployment?: boolean;
}

/**
 * The route is for callers with this permission, or without one for any caller who is known. It refuses all others
 * (401, 403) and says so in the OpenAPI document. Projects that a caller is confined to are seen to by `ScopeGuard`
 * and `findPage`.
 */
export const Authenticated = (permission?: Permission, { deployment = false }: Options = {}) => {
  const needed = permission ? [permission] : [];
  return applyDecorators(
    SetMetadata(ACCESS, { open: false, permission, deployment } satisfies Access),
    ApiSecurity('api_key', needed),
    ApiSecurity('bearer', needed),
    ApiErrors('UNAUTHORIZED', 'FORBIDDEN'),
  ) as MethodDecorator;
};

/** The route is for everybody, with credentials or without. */
export const Public = (): MethodDecorator => SetMetadata(ACCESS, { open: true } satisfies Access);

/** What `Authenticated` or `Public` said of a controller's method; undefined when neither did. */
export const accessOf = (method: object): Access | undefined =>
  Reflect.getMetadata(ACCESS, method) as Access | undefined;
