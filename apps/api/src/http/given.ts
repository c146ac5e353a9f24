import { ValidateIf } from 'class-validator';

/** The field may be left out, but null is not nothing: unlike `@IsOptional()`, it is checked like any value. */
export const IfGiven = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);
