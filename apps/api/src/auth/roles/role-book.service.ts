import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { Role } from '@tauro/database';
import { BUILT_IN_ROLES, isBuiltInRole, type Permission, permissionsOf } from '@tauro/domain';
import { type Model } from 'mongoose';

/** What roles allow. */
@Injectable()
export class RoleBook implements OnModuleInit {
  constructor(@InjectModel(Role.name) private readonly roles: Model<Role>) {}

  /** The built-in ones are stored to be listed with the others; what they allow is always read from the program. */
  async onModuleInit(): Promise<void> {
    const now = new Date();
    for (const [name, { description, permissions }] of Object.entries(BUILT_IN_ROLES)) {
      await this.roles.updateOne(
        { _id: `role_${name}` },
        {
          $set: { name, description, permissions: [...permissions].sort(), built_in: true },
          $setOnInsert: { created_at: now, updated_at: now, revision: 1, request_id: null },
        },
        { upsert: true },
      );
    }
  }

  /** What roles and further permissions come to; a role that is gone allows nothing. */
  async permissionsOf(roles: readonly string[], permissions: readonly string[]): Promise<Permission[]> {
    return permissionsOf(roles, permissions, await this.custom(roles));
  }

  /** Those of the names that are no roles. */
  async unknown(names: readonly string[]): Promise<string[]> {
    const custom = await this.custom(names);
    return names.filter((name) => !isBuiltInRole(name) && !custom.has(name));
  }

  private async custom(names: readonly string[]): Promise<Map<string, string[]>> {
    const wanted = names.filter((name) => !isBuiltInRole(name));
    if (wanted.length === 0) return new Map();
    const found = await this.roles.find({ name: { $in: wanted } }).lean<Role[]>();
    return new Map(found.map(({ name, permissions }) => [name, permissions]));
  }
}
