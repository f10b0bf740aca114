@echo off
rem Stops the running mTrade and starts it again; what follows on the command line goes to `mTrade.py restart`.
setlocal
set "PYTHON="
where py >nul 2>nul && set "PYTHON=py -3"
if not defined PYTHON where python >nul 2>nul && set "PYTHON=python"
if not defined PYTHON (
    echo Python was not found. Install Python 3.11 or newer from https://www.python.org/downloads/
    pause
    exit /b 1
)
%PYTHON% "%~dp0mTrade.py" restart %*
set "CODE=%ERRORLEVEL%"
rem A double-clicked window must not take the reason away with it.
if not "%CODE%"=="0" pause
exit /b %CODE%
