import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { DomainError } from '@tauro/domain';
import { type Response } from 'express';
import { accessOf } from './access.decorator.js';
import { challenge } from './challenge.js';
import { currentContext, currentPrincipal, NOBODY } from './principal.js';

/** Lets a request in when whoever asks may use the route. A route that says nothing of it lets nobody in. */
@Injectable()
export class AccessGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const access = accessOf(context.getHandler());
    if (access?.open) return true;
    const principal = currentPrincipal();
    if (principal === NOBODY) {
      throw challenge(context.switchToHttp().getResponse<Response>(), currentContext()?.refusal);
    }
    if (!access) throw new DomainError('FORBIDDEN', 'This route does not say who may use it');
    const { permission, deployment } = access;
    if (permission && !principal.permissions.includes(permission)) {
      throw new DomainError('FORBIDDEN', `This needs the permission '${permission}'`);
    }
    if (deployment && principal.project_ids) throw confined();
    return true;
  }
}

/** What who is confined to projects gets for wanting to do more. */
export const confined = (): DomainError =>
  new DomainError(
    'FORBIDDEN',
    'This concerns the whole deployment, and these credentials are confined to projects',
  );
