import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Task, type TaskContext } from '@tauro/sdk';

/** What the import of the five sections hands to a handler: the files it reads and writes, by name. */
interface Files {
  inputs: Record<string, { filepath: string }>;
  outputs: Record<string, { filepath: string }>;
}

interface Order {
  customer: string;
  amount: number;
}

/** The functions that `config/nodes.yaml` names. */
export class Orders {
  @Task('orders.load', { description: 'Reads the orders from CSV.' })
  static load({ input: { inputs, outputs } }: TaskContext<Files>) {
    const [, ...lines] = readFileSync(inputs.raw_orders.filepath, 'utf8').trim().split('\n');
    const orders = lines.map((line): Order => {
      const [, customer, amount] = line.split(',');
      return { customer, amount: Number(amount) };
    });
    write(outputs['bronze.sales.orders'].filepath, orders);
    return { rows: orders.length };
  }

  @Task('orders.total', { description: 'Adds up the amounts of each customer.' })
  static total({ input: { inputs, outputs }, log }: TaskContext<Files>) {
    const totals: Record<string, number> = {};
    for (const { customer, amount } of JSON.parse(readFileSync(inputs.orders.filepath, 'utf8')) as Order[]) {
      totals[customer] = (totals[customer] ?? 0) + amount;
    }
    write(outputs['gold.sales.total'].filepath, totals);
    log.info(`added up the orders of ${Object.keys(totals).length} customers`);
    return totals;
  }
}

function write(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(value));
}
