"""Write Applications, the settings of a stack and a report for a Kong that is in use."""
