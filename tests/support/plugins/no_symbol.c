// A shared object that is no environment.
int something_else(void);
int something_else(void) { return 1; }
