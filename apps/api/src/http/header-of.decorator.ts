import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { type Request } from 'express';

/** A parameter of a controller's method that is made of a request header, which it also documents. */
export function headerOf<T>(
  name: string,
  documentation: { description: string; example: string },
  read: (value: string | undefined) => T,
): () => ParameterDecorator {
  const parameter = createParamDecorator((_: unknown, context: ExecutionContext) =>
    read(context.switchToHttp().getRequest<Request>().get(name)),
  );
  return () => (target, key, index) => {
    const method = Object.getOwnPropertyDescriptor(target, key!)!;
    ApiHeader({ name, required: false, ...documentation })(target, key!, method);
    parameter()(target, key, index);
  };
}
