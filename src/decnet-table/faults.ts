import { FleetError, reasonOf } from '../lib/errors.ts';

export interface Fault {
  readonly message: string;
  readonly advice: string | undefined;
}

/** @param what continues the sentence "DECNET's table in PLACE …" */
export const tableFault = (location: string, what: string, advice?: string, cause?: unknown): FleetError =>
  new FleetError('DECNET_TABLE_FAILED', `DECNET's table in ${location} ${what}`, {
    ...(advice !== undefined && { advice }),
    ...(cause !== undefined && { cause }),
  });

/** An error as it is passed between threads. */
export const threadFault = (error: unknown, location: string): Fault => {
  const fault =
    error instanceof FleetError ? error : tableFault(location, `cannot be used: ${reasonOf(error)}`);
  return { message: fault.message, advice: fault.advice };
};

export const errorOf = ({ message, advice }: Fault): FleetError =>
  new FleetError('DECNET_TABLE_FAILED', message, advice === undefined ? {} : { advice });

export const schemaAdvice =
  'It must be the database of DECNET 1.1 or newer on this host: check DECNET_DATABASE_URL';
export const lockedAdvice = 'Nothing was written; it is tried again with the next pass';
