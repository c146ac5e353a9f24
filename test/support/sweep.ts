import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { BSON } from 'mongodb';
import { type Tauro } from './tauro.js';

/** Every place of a Tauro where a text is found, whatever encloses it: database, Redis, files, and what was printed. */
export async function placesWith(tauro: Tauro, needles: string[]): Promise<string[]> {
  const places: string[] = [];
  const look = (place: string, bytes: Buffer): void => {
    if (needles.some((needle) => bytes.includes(needle, 0, 'utf8'))) places.push(place);
  };
  for (const collection of await tauro.database.collections()) {
    for await (const document of collection.find()) {
      look(`${collection.collectionName} ${String(document._id)}`, Buffer.from(BSON.serialize(document)));
    }
  }
  const redis = new Redis(tauro.env.REDIS_URL!);
  for await (const keys of redis.scanStream({ match: `*${tauro.env.QUEUE_PREFIX}*` })) {
    for (const key of keys as string[]) look(`redis ${key}`, Buffer.from(key + (await textOf(redis, key))));
  }
  redis.disconnect();
  for (const entry of readdirSync(tauro.env.DATA_DIR!, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) look(entry.name, readFileSync(join(entry.parentPath, entry.name)));
  }
  for (const one of [tauro.apiProcess(), ...tauro.workers]) look(one.name, Buffer.from(one.logs()));
  return places;
}

const READERS: Record<string, (redis: Redis, key: string) => Promise<unknown>> = {
  string: (redis, key) => redis.get(key),
  hash: (redis, key) => redis.hgetall(key),
  list: (redis, key) => redis.lrange(key, 0, -1),
  set: (redis, key) => redis.smembers(key),
  zset: (redis, key) => redis.zrange(key, 0, '-1'),
  stream: (redis, key) => redis.xrange(key, '-', '+'),
};

const textOf = async (redis: Redis, key: string): Promise<string> =>
  JSON.stringify((await READERS[await redis.type(key)]?.(redis, key)) ?? '');
