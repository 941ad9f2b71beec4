import * as z from 'zod';
import { isSafeUrl } from '../../http.ts';

/** Where an API is, without a slash at its end: paths are appended. */
export const apiAddress = z
  .string()
  .refine(
    (url) => isSafeUrl(url) && !/[?#]/.test(url),
    'must be https (http on this machine only), without ? and #',
  )
  .transform((url) => url.replace(/\/+$/, ''));
